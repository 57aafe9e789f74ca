#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/coverage.hpp"
#include "model/scenarios.hpp"

// What `zcv check` says. Everything here returns text; the verb prints it.
namespace zcv {

// With what a result was got, so that it can be got again.
struct CheckSettings {
    std::uint64_t states_max = 0;
    std::uint64_t memory_max = 0;
    double time_max_s = 0;
    unsigned threads = 1;
    checker::Visited visited = checker::Visited::exact;
    checker::Symmetry symmetry = checker::Symmetry::off;
    bool reduction = false;
};

// One scenario in full: question, verdict, property, counts, counterexample.
std::string text_report(const Scenario& scenario, const checker::Outcome& outcome,
                        checker::Visited visited);

// One step of a counterexample.
nlohmann::ordered_json json_of(const checker::CounterexampleStep& step);

// One JSON document on one line.
std::string json_report(const Scenario& scenario, const checker::Outcome& outcome,
                        const CheckSettings& settings);

// Several scenarios, a line each, printed as they are done: the columns are measured beforehand.
class CheckTable {
  public:
    explicit CheckTable(const std::vector<Scenario>& rows);
    std::string header() const;
    // Two lines, and its subject before the first of a subject.
    std::string row(const Scenario& scenario, const checker::Outcome& outcome);

  private:
    std::string subject_;
    std::size_t app_width_;
    std::size_t name_width_;
    std::size_t profile_width_;
};

// "CLEAN, 50 states, 118 transitions, depth 13": what a scenario declares.
std::string in_words(const Expectation& expect);

std::string markdown_list(const std::vector<Scenario>& all);
std::string text_list(const std::vector<Scenario>& all);
std::string json_list(const std::vector<Scenario>& all);

// What is put to use where, kind by kind.
std::string text_report(const std::vector<Covered>& all);
std::string json_report(const std::vector<Covered>& all);

}  // namespace zcv
