// The table between records and steps: nothing that is recorded goes unexplained, and no step is
// taken by a replay without a reason.
#include "traces/binding.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "model/next.hpp"

using namespace zcv;

namespace {

template <class... Step>
std::vector<std::string> names_of(StepList<Step...>) {
    return {std::string(step_name<Step>())...};
}

const std::vector<std::string> steps = names_of(Steps{});

bool is_a_step(std::string_view name) {
    return std::ranges::find(steps, name) != steps.end();
}

bool is_bound(std::string_view step) {
    return std::ranges::any_of(bindings(), [&](const Binding& binding) {
        return std::ranges::find(binding.steps, step) != binding.steps.end();
    });
}

bool is_unobserved(std::string_view step) {
    return std::ranges::any_of(unobserved_steps(),
                               [&](const Unobserved& entry) { return entry.step == step; });
}

bool says_something(std::string_view text) {
    return text.size() >= 10 && text.find(' ') != text.npos;
}

}  // namespace

TEST_CASE("every step has a name of its own", "[binding]") {
    CHECK(steps.size() == Steps::size);
    CHECK(std::set<std::string>(steps.begin(), steps.end()).size() == steps.size());
    for (const std::string& step : steps) {
        CAPTURE(step);
        CHECK(step.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
        CHECK_FALSE(step.empty());
    }
}

TEST_CASE("every kind of record is bound exactly once", "[binding]") {
    std::map<int, int> times;
    for (const Binding& binding : bindings()) ++times[binding.kind];
    for (int kind = ZCV_NONE + 1; kind < ZCV_KIND_COUNT; ++kind) {
        CAPTURE(kind);
        CHECK(times[kind] == 1);
    }
    CHECK(times.size() == ZCV_KIND_COUNT - 1);  // and nothing that is no kind
}

TEST_CASE("records are bound to steps that exist, or say why to none", "[binding]") {
    for (const Binding& binding : bindings()) {
        CAPTURE(binding.kind);
        for (const std::string_view step : binding.steps) {
            CAPTURE(std::string(step));
            CHECK(is_a_step(step));
        }
        CHECK(std::set<std::string_view>(binding.steps.begin(), binding.steps.end()).size() ==
              binding.steps.size());
        if (binding.steps.empty())
            CHECK(says_something(binding.note));
        else
            CHECK(binding.note.empty());
    }
}

TEST_CASE("every step is bound to a record or unobserved, never both", "[binding]") {
    for (const std::string& step : steps) {
        CAPTURE(step);
        CHECK(is_bound(step) != is_unobserved(step));
    }
}

TEST_CASE("every unobserved step exists, is listed once and says what it is inferred from",
          "[binding]") {
    std::set<std::string_view> seen;
    for (const Unobserved& entry : unobserved_steps()) {
        CAPTURE(std::string(entry.step));
        CHECK(is_a_step(entry.step));
        CHECK(seen.insert(entry.step).second);
        CHECK(says_something(entry.inferred_from));
    }
}
