#include <algorithm>
#include <string_view>
#include <utility>

#include "model/reference.hpp"

namespace zcv::reference {

Packed::Packed(const Layout& layout, Slowly slowly, Holds holds)
    : slowly_(std::move(slowly)),
      holds_slowly_(std::move(holds)),
      requests_(layout.shape.requests),
      cq_at_(layout.cq_at),
      entry_mask_((std::uint64_t{1} << layout.entry_bits) - 1) {
    const Piece cq{layout.cq_at, layout.cq_bits};
    const Piece buffers{layout.buffers_at, 2 * layout.shape.buffers};
    const Piece nothing{layout.words * 64 - 1, 0};
    write_ = patterns_of<StepSet, 2>({buffers, nothing});
    for (unsigned r = 0; r < requests_; ++r) {
        const unsigned at = layout.request_at[r];
        pc_at_[r] = at + layout.pc_at;
        got_at_[r] = at;
        const Piece skbs{layout.skbs_at[r], layout.skbs_bits};
        const Piece progress{pc_at_[r], layout.request_bits - layout.pc_at};
        local_[r] = patterns_of<StepSet, 2>({skbs, progress});
        submit_[r] = patterns_of<StepSet, 2>({buffers, {at + layout.rb_at, layout.rb_bits + 3}});
        push_[r] = patterns_of<StepSet, 2>({cq, {pc_at_[r], 3}});
        const Piece cq_and_buffers{cq.at, cq.bits + buffers.bits};
        consume_[r] = patterns_of<StepSet, 2>({cq_and_buffers, {at, layout.pc_at + 3}});
        holds_[r] = patterns_of<Holding, 3>({skbs, buffers, {at, layout.request_bits}});
    }
    // A request that waits for its notification, or for its own completion: nothing else of it
    // matters to what may be at the head of the queue.
    for (unsigned entry = 1; entry <= 3 * requests_; ++entry) {
        const unsigned r = (entry - 1) / 3;
        const std::uint64_t word =
            std::uint64_t{entry} << cq_at_ | std::uint64_t{number(Pc::notifposted)} << pc_at_[r];
        head_holds_[entry] = {holds_slowly_(word),
                              holds_slowly_(word | std::uint64_t{1} << got_at_[r])};
    }
}

template <class Set, std::size_t Pieces>
Set Packed::patterns_of(const std::array<Piece, Pieces>& of) {
    Set set;
    set.footprint = Bits<Pieces>(of);
    if (set.footprint.count() > index_bits_max) return set;
    const std::uint64_t cells = std::uint64_t{1} << set.footprint.count();
    set.table = std::make_unique<checker::Region>(cells * sizeof *set.cells);
    set.cells = reinterpret_cast<decltype(set.cells)>(set.table->data());
    return set;
}

const Packed::StepSet& Packed::set_of(checker::Taken taken, std::uint64_t word) const {
    const std::string_view step = step_infos()[taken.step].name;
    if (step == "Write") return write_;
    if (step == "Submit") return submit_[taken.ids[1]];
    if (step.starts_with("Consume")) return consume_[((word >> cq_at_ & entry_mask_) - 1) / 3];
    if (step == "FailEarly" || step == "Post" || step == "TaskWork") return push_[taken.ids[0]];
    return local_[taken.ids[0]];
}

// Only states that are there are asked: the guards and effects of others may make no sense.
void Packed::learn(const StepSet& set, checker::Group group, Moves& moves) const {
    group.each([&](std::uint64_t word) {
        const std::uint64_t alike = set.footprint.alike(word);
        if ((moves.known & alike) != 0) return;
        moves.known |= alike;
        slowly_(word, [&](checker::Taken taken, std::uint64_t after) {
            if (&set_of(taken, word) != &set) return;
            constexpr std::uint64_t low = checker::Group::low;
            const auto shift = static_cast<int>(after & low) - static_cast<int>(word & low);
            const Move move{alike, (after & ~low) - (word & ~low), static_cast<std::int8_t>(shift),
                            taken.step};
            const auto same = std::ranges::find_if(moves.all, [&](const Move& other) {
                return other.step == move.step && other.add == move.add &&
                       other.shift == move.shift && (other.from & alike) == 0;
            });
            if (same == moves.all.end())
                moves.all.push_back(move);
            else
                same->from |= alike;
        });
    });
}

const Packed::Moves* Packed::work_out(const StepSet& set, checker::Group group) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::atomic<const Moves*>& cell = set.cell_of(group.word);
    const Moves* const before = cell.load(std::memory_order_relaxed);
    auto moves = before == nullptr ? std::make_unique<Moves>() : std::make_unique<Moves>(*before);
    learn(set, group, *moves);
    lists_.push_back(std::move(moves));
    cell.store(lists_.back().get(), std::memory_order_release);
    return lists_.back().get();
}

std::uint64_t Packed::holding_slowly(const Holding& set, std::uint64_t word) const {
    std::uint64_t members = 0;
    for (unsigned i = 0; i <= checker::Group::low; ++i)
        if (holds_slowly_(set.footprint.of(word | i))) members |= std::uint64_t{1} << i;
    return members;
}

}  // namespace zcv::reference
