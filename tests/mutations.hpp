#pragma once

#include "tests/mutations_of_packets.hpp"
#include "tests/mutations_of_requests.hpp"

// Every way in which the kernel of the model is changed for the worse: a reference that is
// forgotten, a range that does not grow. Each says which property must notice it.
namespace zcv::test {
namespace {

std::vector<Mutation> mutations() {
    std::vector<Mutation> all = early_releases();
    for (const auto& group : {wrong_frags(), wrong_pages(), wrong_counts(), wrong_cqes(),
                              wrong_requests(), wrong_ends(), wrong_ranges(), wrong_generations(),
                              forgetful_protocols(), forgetful_ends()})
        all.insert(all.end(), group.begin(), group.end());
    return all;
}

}  // namespace
}  // namespace zcv::test
