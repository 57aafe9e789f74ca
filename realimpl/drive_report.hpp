#pragma once

#include <string>

#include "realimpl/drive_options.hpp"
#include "realimpl/drive_run.hpp"

namespace zcv::drive {

std::string text_of(const Plan& plan, const Result& result);
std::string json_of(const Plan& plan, const Result& result);

}  // namespace zcv::drive
