#pragma once

#include "traces/app_view.hpp"
#include "traces/replay.hpp"

// Findings that are not of one early write: what is wrong with a stream, and what is worth knowing
// of a trace as a whole.
namespace zcv {

// Holes (D7) and data that is there twice (A17), of sends that were short.
void add_stream_warnings(ReplayReport& report);

// Warnings and notes: one of each rule, with how many sends it is about.
void add_notes(const Trace& trace, const AppView& app, ReplayReport& report);

}  // namespace zcv
