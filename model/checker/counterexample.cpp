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
    if (change.before.empty()) return change.field + " " + change.after;
    return change.field + " " + change.before + " -> " + change.after;
}

// The noun is said once, and of an object that appears or goes only what is worth telling:
// "request 0 phase idle -> sqe; notif 0 new, refs 1, owner-ref yes; skb 0 gone".
std::string in_words(const std::vector<Change>& changes) {
    std::string text;
    const Change* last = nullptr;
    for (const Change& change : changes) {
        const bool same_noun = last != nullptr && last->noun == change.noun;
        const bool appears = change.before.empty();
        const bool goes = change.after.empty();
        if (!same_noun) {
            text += (last == nullptr ? "" : "; ") + change.noun + " ";
            if (appears) text += "new";
            if (goes) text += "gone";
        }
        last = &change;
        if (goes || (appears && change.at_rest)) continue;
        if (same_noun || appears) text += ", ";
        text += in_words(change);
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
            changes.push_back({now.noun, now.name, "", now.value, now.at_rest});
        else if (then->value != now.value)
            changes.push_back({now.noun, now.name, then->value, now.value, false});
    }
    for (const Field& then : before)
        if (same_field(after, then) == nullptr)
            changes.push_back({then.noun, then.name, then.value, "", false});
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
    // One step that changes a lot pushes only its own line to the right.
    constexpr std::size_t width_max = 60;
    std::vector<std::array<std::string, columns>> rows;
    std::array<std::size_t, columns> widths{};
    for (const CounterexampleStep& step : steps) {
        rows.push_back({std::to_string(step.number), step.context, step.step, step.params,
                        in_words(step.changes), step.file});
        for (std::size_t i = 0; i < columns; ++i)
            widths[i] = std::max(widths[i], std::min(rows.back()[i].size(), width_max));
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line(widths[0] - row[0].size(), ' ');
        for (std::size_t i = 0; i < columns; ++i) {
            if (widths[i] == 0) continue;
            // The number is padded on its left already.
            const std::size_t missing = i == 0 ? 0 : widths[i] - std::min(widths[i], row[i].size());
            line += row[i] + std::string(missing + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

}  // namespace zcv::checker
