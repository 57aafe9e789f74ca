#include "realimpl/verbs.hpp"

#include "realimpl/capture_verbs.hpp"
#include "realimpl/compare_verb.hpp"
#include "realimpl/doctor_verb.hpp"
#include "realimpl/drive_verb.hpp"
#include "realimpl/guest/guest_verb.hpp"

namespace zcv {

void add_realimpl_verbs(CLI::App& app, Status& status) {
    add_capture_verbs(app, status);
    add_drive_verb(app, status);
    add_guest_verb(app, status);
    add_compare_verb(app, status);
    add_doctor_verb(app, status);
}

}  // namespace zcv
