#include <algorithm>

#include "traces/binding.hpp"

// What is known of a send goes when it is over and nothing more is to come of it, so that a walk
// takes as much memory as is in flight. Of a send with a record that was not explained the model
// still has objects, which others may refer to: it stays.
namespace zcv {

void Walk::forget_what_is_over() {
    while (!ended_.empty() && ended_.front().at + lag_ <= records_) {
        const Over over = ended_.front();
        ended_.pop_front();
        const Send* const send = sends_.find(over.generation);
        if (send == nullptr || send->lost) continue;
        if (is_all_freed(*send, over.tries < tries_max))
            let_go(*send);
        else
            ended_.push_back({over.generation, over.tries + 1, records_});
    }
}

bool Walk::is_all_freed(const Send& send, bool seen) const {
    const auto freed = [&](std::uint32_t life) { return is_freed(life, seen); };
    const SendFacts* const facts = ahead_.sends.find(send.generation);
    return std::ranges::all_of(send.lives, freed) &&
           (facts == nullptr || (std::ranges::all_of(facts->lives, freed) &&
                                 std::ranges::all_of(facts->late_lives, freed)));
}

// In the model, and if that is asked by a record too.
bool Walk::is_freed(std::uint32_t life, bool is_seen) const {
    const Life* const seen = ahead_.lives.find(life);
    const LifeState* const state = lives_.find(life);
    if (seen == nullptr) return true;
    if (state != nullptr && state->attached && !state->gone) return false;
    return !is_seen || !seen->seen || seen->moves ||
           (seen->freed_ns != 0 && seen->freed_ns <= now_ns_);
}

void Walk::let_go(const Send& send) {
    const std::uint32_t generation = send.generation;
    SendHistory& seen = history(send);
    if (!send.is_call) {
        forget_name({seen.ring, seen.user_data}, generation);
    } else if (send.buffer != none<BufferId> && s_[send.buffer].lent == 0) {
        s_.free(send.buffer);  // no other call has it
    }
    for (const std::uint32_t life : send.lives) {
        lives_.erase(life);
        ahead_.forget_life(life);
    }
    if (const SendFacts* const facts = ahead_.sends.find(generation))
        for (const Some* const lives : {&facts->lives, &facts->late_lives})
            for (const std::uint32_t life : *lives) {
                lives_.erase(life);
                ahead_.forget_life(life);
            }
    tails_freed_.erase(tails_freed_.lower_bound({generation, 0}),
                       tails_freed_.upper_bound({generation, ~std::uint64_t{0}}));
    ahead_.forget_send(generation);
    agreement_.forget(generation);
    calls_.forget(generation, seen);
    show_(seen);
    histories_.forget(seen.number);
    forgotten_.insert(generation);
    sends_.erase(generation);
}

}  // namespace zcv
