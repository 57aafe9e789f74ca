#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/checker/counterexample.hpp"

// What a name means: a property, a bug, a scenario, a step, a profile, a switch, an application
// policy or a misuse. Everything here returns data; the verb prints it.
namespace zcv {

struct Topic {
    std::string kind;  // "property"
    std::string name;
    std::string says;  // one sentence
};

struct Example {
    std::string title;
    std::vector<checker::CounterexampleStep> steps = {};
    std::optional<checker::Repeat> repeat = std::nullopt;
};

struct Explanation {
    Topic topic;
    std::vector<std::pair<std::string, std::string>> facts = {};  // "premise", "..."
    std::optional<Example> example = std::nullopt;                // found by exploring, now
};

// Everything that can be asked for, kind by kind.
std::vector<Topic> topics();

// Everything of that name: a policy and its scenario may share one. "S1" is enough for
// "S1-no-early-release". Of one kind only when one is given. Explores for its examples. Throws
// Refusal(usage) with what was probably meant.
std::vector<Explanation> explain(const std::string& name, std::string_view kind_only = {});

}  // namespace zcv
