#include "traces/verbs.hpp"

#include "traces/convert_verb.hpp"
#include "traces/references_verb.hpp"
#include "traces/replay_verb.hpp"

namespace zcv {
void add_trace_verbs(CLI::App& app, Status& status) {
    add_replay_verb(app, status);
    add_coverage_verb(app, status);
    add_kernels_verb(app, status);
    add_references_verb(app, status);
    add_convert_verb(app, status);
}
}  // namespace zcv
