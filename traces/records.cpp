#include "traces/records.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "traces/zct_format.hpp"

namespace zcv {

// Every CPU's own records are in order, and so is most of a trace: only what is late is moved, and
// all is sorted where that is too much.
std::vector<std::size_t> order_by_time(const Trace& trace) {
    const std::vector<zcv_event>& events = trace.events;
    std::vector<std::size_t> order(events.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::size_t moves_left = 8 * order.size();
    for (std::size_t i = 1; i < order.size(); ++i) {
        const std::size_t record = order[i];
        const std::uint64_t time = events[record].time_ns;
        std::size_t to = i;
        for (; to > 0 && moves_left > 0 && events[order[to - 1]].time_ns > time; --to) {
            order[to] = order[to - 1];
            --moves_left;
        }
        order[to] = record;
        if (moves_left > 0) continue;
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, {}, [&](std::size_t at) { return events[at].time_ns; });
        break;
    }
    return order;
}

namespace {

class RecordsInMemory final : public Records {
  public:
    explicit RecordsInMemory(const Trace& trace) : trace_(trace), order_(order_by_time(trace)) {}

    std::span<const Placed> next() override {
        constexpr std::size_t at_once = 256;
        placed_.clear();
        for (; at_ < order_.size() && placed_.size() < at_once; ++at_)
            placed_.push_back(
                {&trace_.events[order_[at_]], order_[at_], trace_.events[order_[at_]].time_ns, 0});
        return placed_;
    }
    void done(const Placed&) override {}

  private:
    const Trace& trace_;
    std::vector<std::size_t> order_;
    std::size_t at_ = 0;
    std::vector<Placed> placed_;
};

}  // namespace

// Block after block is read, and sorted into what is held back: a record may be stored up to so
// many later than one that happened after it.
class RecordsInFile final : public Records {
  public:
    RecordsInFile(TraceFile& file, const std::string& path) : file_(file), reader_(path) {}

    std::span<const Placed> next() override {
        from_ += std::exchange(given_, 0);
        if (from_ >= 4 * held_back) {
            waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(from_));
            from_ = 0;
        }
        while (!at_end_ && waiting_.size() <= from_ + held_back) read_block();
        given_ = waiting_.size() - from_ - (at_end_ ? 0 : held_back);
        if (given_ > 0) given_until_ns_ = waiting_[from_ + given_ - 1].time_ns;
        return std::span(waiting_).subspan(from_, given_);
    }
    void done(const Placed& record) override {
        Block& block = *blocks_[record.block];
        if (--block.left == 0) free_.push_back(record.block);
    }

  private:
    static constexpr std::size_t held_back = 2 * std::size_t{zct::block_records_max};
    struct Block {
        std::vector<zcv_event> events;
        std::size_t left = 0;  // not done with
    };

    void read_block() {
        if (free_.empty()) {
            free_.push_back(static_cast<std::uint32_t>(blocks_.size()));
            blocks_.push_back(std::make_unique<Block>());
            blocks_.back()->events.reserve(zct::block_records_max);
        }
        const std::uint32_t number = free_.back();
        Block& block = *blocks_[number];
        if (!reader_.next(block.events)) {
            at_end_ = true;
            file_.learn(reader_.about());
            return;
        }
        if (block.events.empty()) return;
        free_.pop_back();
        block.left = block.events.size();
        const std::size_t before = waiting_.size();
        for (const zcv_event& event : block.events)
            waiting_.push_back({&event, record_++, event.time_ns, number});
        sort_in(before);
    }

    // As order_by_time() does it. What was given stays.
    void sort_in(std::size_t first) {
        std::size_t moves_left = 8 * (waiting_.size() - first);
        for (std::size_t i = first; i < waiting_.size(); ++i) {
            if (i == from_ || waiting_[i - 1].time_ns <= waiting_[i].time_ns) continue;
            const Placed late = waiting_[i];
            std::size_t to = i;
            for (; to > from_ && moves_left > 0 && waiting_[to - 1].time_ns > late.time_ns; --to) {
                waiting_[to] = waiting_[to - 1];
                --moves_left;
            }
            waiting_[to] = late;
            if (moves_left > 0) continue;
            std::ranges::sort(std::span(waiting_).subspan(from_), {}, [](const Placed& each) {
                return std::pair(each.time_ns, each.record);
            });
            break;
        }
        if (from_ < waiting_.size() && waiting_[from_].time_ns < given_until_ns_)
            throw OutOfOrder("a record is stored too far from where it belongs");
    }

    TraceFile& file_;
    TraceReader reader_;
    std::vector<std::unique_ptr<Block>> blocks_;
    std::vector<std::uint32_t> free_;  // of them
    std::vector<Placed> waiting_;      // by time, from from_ on
    std::size_t from_ = 0;
    std::size_t given_ = 0;  // of these
    std::uint64_t given_until_ns_ = 0;
    std::size_t record_ = 0;
    bool at_end_ = false;
};

std::unique_ptr<Records> records_of(const Trace& trace) {
    return std::make_unique<RecordsInMemory>(trace);
}

TraceFile::TraceFile(std::string path) : path_(std::move(path)), about_(about_trace(path_)) {}

void TraceFile::learn(Trace about) {
    about_ = std::move(about);
}

std::unique_ptr<Records> TraceFile::records() {
    return std::make_unique<RecordsInFile>(*this, path_);
}

}  // namespace zcv
