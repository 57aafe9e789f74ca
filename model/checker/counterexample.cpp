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

// What became of one object; of one that appears or goes only what is worth telling:
// "request 0 phase idle -> sqe", "notif 0 new, refs 1, owner-ref yes", "skb 0 gone".
std::vector<std::string> phrases_of(const Change* change, const Change* end) {
    const bool appears = change->before.empty();
    const bool goes = change->after.empty();
    std::vector<std::string> phrases{change->noun};
    if (appears || goes) phrases.back() += appears ? " new" : " gone";
    for (bool first = !appears && !goes; change != end && !goes; ++change) {
        if (change->before.empty() && change->at_rest) continue;
        if (first)
            phrases.back() += " " + in_words(*change);
        else
            phrases.push_back(in_words(*change));
        first = false;
    }
    return phrases;
}

}  // namespace

std::vector<std::string> lines_of(const std::vector<Change>& changes, std::size_t width) {
    if (changes.empty()) return {"nothing the fields show"};
    std::vector<std::string> lines;
    const Change* const end = changes.data() + changes.size();
    for (const Change* head = changes.data(); head != end;) {
        const Change* next = head;
        while (next != end && next->noun == head->noun) ++next;
        std::string line;
        for (const std::string& phrase : phrases_of(head, next)) {
            if (!line.empty() && line.size() + 2 + phrase.size() > width) {
                lines.push_back(line + ",");
                line = "  " + phrase;
            } else {
                if (!line.empty()) line += ", ";
                line += phrase;
            }
        }
        lines.push_back(line);
        head = next;
    }
    return lines;
}

std::string place_of(const CounterexampleStep& step) {
    if (step.file.empty()) return "";
    std::string place = step.tag + (step.tag.empty() ? "" : ":") + step.file;
    if (step.function != step.step) place += " " + step.function;
    return place;
}

namespace {

std::string call_of(const CounterexampleStep& step) {
    return step.step + "(" + step.params + ")";
}

// Beside the kernel source there is room for about this much.
constexpr std::size_t page_width = 158;

// One step: who, what, and beside it what changed; below its name, where to read it.
std::string text_of(const CounterexampleStep& step, const std::array<std::size_t, 3>& widths) {
    const std::string number = std::to_string(step.number);
    const std::string place = place_of(step);
    const std::size_t left = widths[0] + widths[1] + widths[2] + 6;
    const std::vector<std::string> changes =
        lines_of(step.changes, std::max<std::size_t>(page_width - std::min(left, page_width), 50));
    std::string text;
    for (std::size_t i = 0; i < std::max<std::size_t>(changes.size(), place.empty() ? 1 : 2); ++i) {
        std::string line =
            i == 0 ? std::string(widths[0] - number.size(), ' ') + number + "  " + step.context
                   : "";
        line.resize(widths[0] + 2 + widths[1] + 2, ' ');
        const std::string what = i == 0 ? call_of(step) : i == 1 ? place : "";
        line += what + std::string(widths[2] - what.size() + 2, ' ');
        if (i < changes.size()) line += changes[i];
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
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

std::string text_of(const std::vector<CounterexampleStep>& steps,
                    const std::optional<Repeat>& repeat) {
    std::array<std::size_t, 3> widths{};
    for (const CounterexampleStep& step : steps) {
        widths[0] = std::max(widths[0], std::to_string(step.number).size());
        widths[1] = std::max(widths[1], step.context.size());
        widths[2] = std::max({widths[2], call_of(step).size(), place_of(step).size()});
    }
    std::string text;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (repeat && repeat->from == i) text += "-- from here it repeats --\n";
        text += text_of(steps[i], widths);
    }
    if (repeat && repeat->from == steps.size())
        text += repeat->over ? "-- nothing can happen any more --\n"
                             : "-- nobody is obliged to anything any more --\n";
    return text;
}

}  // namespace zcv::checker
