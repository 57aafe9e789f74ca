#pragma once

#include <string>
#include <string_view>
#include <vector>

// What a trace can be held against, each rule with an id that does not change: "ZC-A1" is the
// misuse A1 (world/misuses.hpp) as records show it; "S1" and "B24" are the kernel's own side, a
// property or a bug of the gallery. A finding names the most exact rule that its evidence supports.
namespace zcv {

enum class Severity {
    error,    // a promise was broken: VIOLATION
    warning,  // the program will hang, leak or wait; nothing was corrupted
    note,     // worth knowing, or looks wrong and is not
};

struct Rule {
    std::string_view id;  // "ZC-A1", "S1", "B24"
    Severity severity;
    std::string_view harm;      // "corrupts the stream": what comes of it
    std::string_view says;      // what was seen, in one sentence
    std::string_view sequence;  // the order of moments that a trace shows
    std::string_view evidence;  // which records it needs
    std::string_view unless;    // when the same sequence is no error; "" never
    std::string_view fix;       // of the kernel's side: the functions involved
    std::string_view sources;   // where users met it; "" for the kernel's: the bug tells
};

const std::vector<Rule>& rules();
// nullptr when there is none of that id.
const Rule* find_rule(std::string_view id);

// "ZC-A1-reused-after-first-cqe", "S1-no-early-release", "B24-...": the id and the name of what it
// is a rule for.
std::string full_name(const Rule& rule);
// "reused-after-first-cqe".
std::string short_name(const Rule& rule);
bool is_of_the_kernel(const Rule& rule);

// A misuse that no trace shows, and why.
struct Unseen {
    std::string_view misuse;  // "B1"
    std::string_view why;
};

const std::vector<Unseen>& unseen_misuses();

const char* name_of(Severity severity);

}  // namespace zcv
