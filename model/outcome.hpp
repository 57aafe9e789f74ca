#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace zcv {

// What every verb ends with; the numbers are the process's exit status and are promised to scripts.
enum class Status : int {
    clean = 0,         // property holds, trace is clean
    violation = 1,     // property broken
    usage = 2,         // the command line, or a file it names, is wrong
    inconclusive = 3,  // records lost, a bound hit, nothing to check
    unable = 4,        // this machine cannot do it: what is missing, and the remedy
    internal = 5,      // our own bug
};

enum class Verdict { clean, violation, inconclusive };

constexpr Status status_of(Verdict verdict) {
    return verdict == Verdict::clean       ? Status::clean
           : verdict == Verdict::violation ? Status::violation
                                           : Status::inconclusive;
}

constexpr std::string_view name_of(Verdict verdict) {
    return verdict == Verdict::clean       ? "CLEAN"
           : verdict == Verdict::violation ? "VIOLATION"
                                           : "INCONCLUSIVE";
}

// The outside failed or asked for the impossible. main prints "zcv: " and what() on one line, which
// says what, where and what to do, and exits with the status.
class Refusal : public std::runtime_error {
  public:
    Refusal(Status status, const std::string& what) : std::runtime_error(what), status_(status) {}
    Status status() const { return status_; }

  private:
    Status status_;
};

}  // namespace zcv
