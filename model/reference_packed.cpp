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
    write_ = patterns_of<2>({buffers, nothing}, 1);
    for (unsigned r = 0; r < requests_; ++r) {
        const unsigned at = layout.request_at[r];
        pc_at_[r] = at + layout.pc_at;
        got_at_[r] = at;
        const Piece skbs{layout.skbs_at[r], layout.skbs_bits};
        const Piece progress{pc_at_[r], layout.request_bits - layout.pc_at};
        local_[r] = patterns_of<2>({skbs, progress}, 1);
        submit_[r] = patterns_of<2>({buffers, {at + layout.rb_at, layout.rb_bits + 3}}, 1);
        push_[r] = patterns_of<2>({cq, {pc_at_[r], 3}}, 1);
        const Piece cq_and_buffers{cq.at, cq.bits + buffers.bits};
        consume_[r] = patterns_of<2>({cq_and_buffers, {at, layout.pc_at + 3}}, 1);
        holds_[r] = patterns_of<3>({skbs, buffers, {at, layout.request_bits}}, 32);
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

template <std::size_t Pieces>
Packed::Patterns<Pieces> Packed::patterns_of(const std::array<Piece, Pieces>& of,
                                             unsigned cells_a_word) {
    Patterns<Pieces> patterns;
    patterns.footprint = Bits<Pieces>(of);
    if (patterns.footprint.count() > index_bits_max) return patterns;
    const std::uint64_t words = (std::uint64_t{1} << patterns.footprint.count()) / cells_a_word + 1;
    patterns.table = std::make_unique<checker::Region>(words * sizeof(std::uint64_t));
    patterns.cells = reinterpret_cast<std::atomic<std::uint64_t>*>(patterns.table->data());
    return patterns;
}

const Packed::Group& Packed::group_of(checker::Taken taken, std::uint64_t word) const {
    const std::string_view step = step_infos()[taken.step].name;
    if (step == "Write") return write_;
    if (step == "Submit") return submit_[taken.ids[1]];
    if (step.starts_with("Consume")) return consume_[((word >> cq_at_ & entry_mask_) - 1) / 3];
    if (step == "FailEarly" || step == "Post" || step == "TaskWork") return push_[taken.ids[0]];
    return local_[taken.ids[0]];
}

std::vector<Packed::Move> Packed::moves_of(const Group& group, std::uint64_t word) const {
    std::vector<Move> moves;
    slowly_(word, [&](checker::Taken taken, std::uint64_t after) {
        if (&group_of(taken, word) == &group) moves.push_back({after - word, taken.step});
    });
    return moves;
}

std::uint64_t Packed::work_out(const Group& group, std::atomic<std::uint64_t>& cell,
                               std::uint64_t word) const {
    const std::vector<Move> moves = moves_of(group, word);
    ZCV_CHECK(moves.size() < 256);
    auto list = std::make_unique<Move[]>(moves.size() + 1);
    std::copy(moves.begin(), moves.end(), list.get());
    const auto address = reinterpret_cast<std::uintptr_t>(list.get());
    ZCV_CHECK((address & ~address_mask) == 0);
    const std::uint64_t entry = address | std::uint64_t{moves.size()} << 56;
    const std::lock_guard<std::mutex> lock(mutex_);
    lists_.push_back(std::move(list));
    cell.store(entry, std::memory_order_release);
    return entry;
}

}  // namespace zcv::reference
