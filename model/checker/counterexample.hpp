#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/checker/system.hpp"

namespace zcv::checker {

// A field that a step changed. An empty `before` is an object or field that appeared, an empty
// `after` one that went away.
struct Change {
    std::string noun;
    std::string field;
    std::string before;
    std::string after;
    bool at_rest = false;  // appeared with the value that such an object begins with
    friend bool operator==(const Change&, const Change&) = default;
};

struct CounterexampleStep {
    std::size_t number = 0;  // from 1
    Taken taken;
    std::string step;
    std::string params;
    std::string context;
    std::string file;
    std::string function;
    std::vector<Change> changes;
    std::string tag = {};  // the version in which file and function are found
};

// How a counterexample goes on for ever. From `from`, an index, it repeats; when that is its end,
// nothing more happens: nothing can (`over`), or nobody is obliged to anything.
struct Repeat {
    std::size_t from = 0;
    bool over = false;
};

// What differs, in the order of the fields.
std::vector<Change> changes_between(const std::vector<Field>& before,
                                    const std::vector<Field>& after);

// Changes in words, a line an object and more where one would be longer than `width`:
// "request 0 phase idle -> sqe", "notif 0 new, refs 1", "skb 0 gone".
std::vector<std::string> lines_of(const std::vector<Change>& changes, std::size_t width);

// Where to read a step, as git names it: "v6.12:io_uring/net.c io_send_zc"; a step named after its
// function does not say it again. "" for what is not the kernel.
std::string place_of(const CounterexampleStep& step);

// A step: who does what, where to read it, and beside it only what changed, a line an object.
std::string text_of(const std::vector<CounterexampleStep>& steps,
                    const std::optional<Repeat>& repeat = std::nullopt);

}  // namespace zcv::checker
