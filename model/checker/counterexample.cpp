#include "model/checker/counterexample.hpp"

#include <algorithm>
#include <array>

namespace zcv::checker {
namespace {

const Field* same_field(const std::vector<Field>& fields, const Field& wanted) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) {
        return field.noun == wanted.noun && field.name == wanted.name;
    });
    return found == fields.end() ? nullptr : &*found;
}

std::string in_words(const Change& change) {
    if (change.before.empty()) return change.field + " = " + change.after;
    if (change.after.empty()) return change.field + " " + change.before + " -> gone";
    return change.field + " " + change.before + " -> " + change.after;
}

// The noun is said once: "request 0 pc idle -> submitted, buffer = 0; buffer 0 state ...".
std::string in_words(const std::vector<Change>& changes) {
    std::string text;
    const Change* last = nullptr;
    for (const Change& change : changes) {
        if (last != nullptr) text += last->noun == change.noun ? ", " : "; ";
        if (last == nullptr || last->noun != change.noun) text += change.noun + " ";
        text += in_words(change);
        last = &change;
    }
    return changes.empty() ? "nothing the fields show" : text;
}

}  // namespace

std::vector<Change> changes_between(const std::vector<Field>& before,
                                    const std::vector<Field>& after) {
    std::vector<Change> changes;
    for (const Field& now : after) {
        const Field* const then = same_field(before, now);
        if (then == nullptr)
            changes.push_back({now.noun, now.name, "", now.value});
        else if (then->value != now.value)
            changes.push_back({now.noun, now.name, then->value, now.value});
    }
    for (const Field& then : before)
        if (same_field(after, then) == nullptr)
            changes.push_back({then.noun, then.name, then.value, ""});
    // Fields of one noun stay together, nouns in the order in which they were first mentioned.
    std::vector<Change> grouped;
    for (const Change& head : changes) {
        const auto of_noun = [&](const Change& change) { return change.noun == head.noun; };
        if (std::any_of(grouped.begin(), grouped.end(), of_noun)) continue;
        std::copy_if(changes.begin(), changes.end(), std::back_inserter(grouped), of_noun);
    }
    return grouped;
}

std::string text_of(const std::vector<CounterexampleStep>& steps) {
    constexpr std::size_t columns = 6;
    std::vector<std::array<std::string, columns>> rows;
    std::array<std::size_t, columns> widths{};
    for (const CounterexampleStep& step : steps) {
        rows.push_back({std::to_string(step.number), step.step, step.params, in_words(step.changes),
                        step.context, step.file});
        for (std::size_t i = 0; i < columns; ++i)
            widths[i] = std::max(widths[i], rows.back()[i].size());
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line(widths[0] - row[0].size(), ' ');
        for (std::size_t i = 0; i < columns; ++i) {
            if (widths[i] == 0) continue;
            line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
        }
        // The number is padded on its left already.
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

}  // namespace zcv::checker
