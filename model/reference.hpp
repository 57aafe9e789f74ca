#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/checker/system.hpp"
#include "model/ensure.hpp"

// The reference model: per-request send_zc, coarse enough to be written in every model checker, and
// here so that zcv can be compared with them state for state. Steps carry the names of its TLA+
// definition and are written in its order. The kernel itself is modelled elsewhere, and finer.
// Left out: vectored sends, stacked notifications, completion-queue overflow, process exit.
namespace zcv::reference {

struct Shape {
    unsigned buffers = 1;    // B, 1 to 4
    unsigned requests = 1;   // R, 1 to 4
    unsigned skbs = 1;       // K, skbs a request at most, 1 to 4
    unsigned entries = 2;    // Q, completions the queue holds, 1 to 6
    bool first_cqe = false;  // the application takes the first CQE for the release
};

enum class Buf : std::uint8_t { free, written, inflight };
enum class Pc : std::uint8_t {
    idle,
    submitted,
    errposted,
    issuing,
    posted,
    issued,
    tw,
    notifposted
};
enum class Skb : std::uint8_t { none, queued, cloned, cloneonly, dev, afterclone, copied };
enum class Cqe : std::uint8_t { none, err, more, notif };

enum class BufferId : std::uint8_t {};
enum class RequestId : std::uint8_t {};
enum class SkbId : std::uint8_t {};  // of its request

constexpr unsigned number(auto id) {
    return static_cast<unsigned>(id);
}

// Where each field of a state lies in its words, in the fewest bits each. The skbs come first:
// states that differ in the first two alone are the most alike, and a visited set that keeps states
// with the same upper bits together (checker::GroupStore) is the smaller for it. The queue is one
// field, head lowest; a request is one field, its parts at the same offsets in each, but for its
// skbs.
struct Layout {
    explicit Layout(const Shape& wanted);

    Shape shape;
    unsigned words = 1;
    unsigned cq_at = 0, cq_bits = 0, entry_bits = 0;
    unsigned buffers_at = 0;
    std::array<unsigned, 4> request_at{};  // one bit of got, then
    unsigned rb_at = 0, rb_bits = 0;
    unsigned pc_at = 0;
    unsigned ref_at = 0, ref_bits = 0;
    unsigned nskb_at = 0, nskb_bits = 0;
    unsigned request_bits = 0;
    std::array<unsigned, 4> skbs_at{};
    unsigned skbs_bits = 0;  // of one request
};

// A state is its packed words; the layout says how to read them and is not part of it.
template <std::size_t Words>
struct State {
    const Layout* layout = nullptr;
    std::array<std::uint64_t, Words> words{};

    const Shape& shape() const { return layout->shape; }

    Buf buf(unsigned b) const { return Buf{small(layout->buffers_at + 2 * b, 2)}; }
    void set_buf(unsigned b, Buf to) { set(layout->buffers_at + 2 * b, 2, number(to)); }
    Pc pc(RequestId r) const { return Pc{small(at(r) + layout->pc_at, 3)}; }
    void set_pc(RequestId r, Pc to) { set(at(r) + layout->pc_at, 3, number(to)); }
    bool got(RequestId r) const { return get(at(r), 1) != 0; }
    void set_got(RequestId r, bool to) { set(at(r), 1, to); }
    // The buffer of a request, counted from 1; 0 is none.
    unsigned rb(RequestId r) const { return get(at(r) + layout->rb_at, layout->rb_bits); }
    void set_rb(RequestId r, unsigned to) { set(at(r) + layout->rb_at, layout->rb_bits, to); }
    unsigned ref(RequestId r) const { return get(at(r) + layout->ref_at, layout->ref_bits); }
    void set_ref(RequestId r, unsigned to) { set(at(r) + layout->ref_at, layout->ref_bits, to); }
    unsigned nskb(RequestId r) const { return get(at(r) + layout->nskb_at, layout->nskb_bits); }
    void set_nskb(RequestId r, unsigned to) { set(at(r) + layout->nskb_at, layout->nskb_bits, to); }
    Skb skb(RequestId r, SkbId k) const { return Skb{small(skb_at(r, k), 3)}; }
    void set_skb(RequestId r, SkbId k, Skb to) { set(skb_at(r, k), 3, number(to)); }
    bool no_skbs(RequestId r) const {
        return get(layout->skbs_at[number(r)], layout->skbs_bits) == 0;
    }

    // An entry is 3 * request + kind, so it is never zero and the queue's length needs no field.
    unsigned cq() const { return get(layout->cq_at, layout->cq_bits); }
    unsigned entry(unsigned i) const {
        return (cq() >> (i * layout->entry_bits)) & ((1U << layout->entry_bits) - 1);
    }
    bool cq_full() const { return entry(shape().entries - 1) != 0; }
    Cqe head() const { return kind_of(entry(0)); }
    RequestId head_request() const { return request_of(entry(0)); }
    static Cqe kind_of(unsigned entry) {
        return entry == 0 ? Cqe::none : Cqe{static_cast<std::uint8_t>((entry - 1) % 3 + 1)};
    }
    static RequestId request_of(unsigned entry) {
        return RequestId{static_cast<std::uint8_t>((entry - 1) / 3)};
    }
    void pop() { set(layout->cq_at, layout->cq_bits, cq() >> layout->entry_bits); }
    void push(Cqe kind, RequestId r) {
        const unsigned queue = cq();
        const auto used = static_cast<unsigned>(std::bit_width(queue));
        const unsigned length = (used + layout->entry_bits - 1) / layout->entry_bits;
        const unsigned entry = 3 * number(r) + number(kind);
        set(layout->cq_at, layout->cq_bits, queue | entry << (length * layout->entry_bits));
    }

    // All of a request as one number, and without the name of its buffer.
    std::uint64_t block(RequestId r) const {
        const std::uint64_t skbs = get(layout->skbs_at[number(r)], layout->skbs_bits);
        return skbs << layout->request_bits | get(at(r), layout->request_bits);
    }
    void set_block(RequestId r, std::uint64_t to) {
        const std::uint64_t mask = (std::uint64_t{1} << layout->request_bits) - 1;
        set(at(r), layout->request_bits, static_cast<unsigned>(to & mask));
        set(layout->skbs_at[number(r)], layout->skbs_bits,
            static_cast<unsigned>(to >> layout->request_bits));
    }
    std::uint64_t block_without_rb(RequestId r) const {
        const std::uint64_t rb_mask = ((std::uint64_t{1} << layout->rb_bits) - 1) << layout->rb_at;
        return block(r) & ~rb_mask;
    }
    void set_entry(unsigned i, unsigned to) {
        set(layout->cq_at + i * layout->entry_bits, layout->entry_bits, to);
    }

    friend bool operator==(const State& a, const State& b) { return a.words == b.words; }

  private:
    unsigned at(RequestId r) const { return layout->request_at[number(r)]; }
    unsigned skb_at(RequestId r, SkbId k) const {
        return layout->skbs_at[number(r)] + 3 * number(k);
    }
    static std::size_t word_of(unsigned bit) {
        if constexpr (Words == 1) return 0;
        return bit / 64;
    }
    unsigned get(unsigned bit, unsigned bits) const {
        const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
        return static_cast<unsigned>((words[word_of(bit)] >> (bit % 64)) & mask);
    }
    std::uint8_t small(unsigned bit, unsigned bits) const {
        return static_cast<std::uint8_t>(get(bit, bits));
    }
    void set(unsigned bit, unsigned bits, unsigned to) {
        const std::uint64_t mask = ((std::uint64_t{1} << bits) - 1) << (bit % 64);
        std::uint64_t& word = words[word_of(bit)];
        word = (word & ~mask) | std::uint64_t{to} << (bit % 64);
    }
};

// The skb still counts as a reference to the notification.
constexpr bool holds_ref(Skb skb) {
    return skb != Skb::none && skb != Skb::copied;
}

// The last reference of a request that was issued leaves the notification to task work.
void drop(auto& s, RequestId r) {
    const unsigned ref = s.ref(r);
    ZCV_CHECK(ref > 0);
    s.set_ref(r, ref - 1);
    if (ref == 1 && s.pc(r) == Pc::issued) s.set_pc(r, Pc::tw);
}

void free_buffer_of(auto& s, RequestId r) {
    const unsigned buffer = s.rb(r);
    ZCV_CHECK(buffer > 0);
    s.set_buf(buffer - 1, Buf::free);
}

struct Write {
    static bool guard(const auto& s, BufferId b) { return s.buf(number(b)) == Buf::free; }
    static void effect(auto& s, BufferId b) { s.set_buf(number(b), Buf::written); }
};

struct Submit {
    static bool guard(const auto& s, BufferId b, RequestId r) {
        return s.buf(number(b)) == Buf::written && s.pc(r) == Pc::idle;
    }
    static void effect(auto& s, BufferId b, RequestId r) {
        s.set_buf(number(b), Buf::inflight);
        s.set_pc(r, Pc::submitted);
        s.set_rb(r, number(b) + 1);
    }
};

struct ConsumeErr {
    static bool guard(const auto& s) { return s.head() == Cqe::err; }
    static void effect(auto& s) {
        const RequestId r = s.head_request();
        s.pop();
        free_buffer_of(s, r);
        s.set_rb(r, 0);
        s.set_pc(r, Pc::idle);
    }
};

struct ConsumeMore {
    static bool guard(const auto& s) { return s.head() == Cqe::more; }
    static void effect(auto& s) {
        const RequestId r = s.head_request();
        s.pop();
        s.set_got(r, true);
        if (s.shape().first_cqe) free_buffer_of(s, r);
    }
};

struct ConsumeNotif {
    static bool guard(const auto& s) { return s.head() == Cqe::notif; }
    static void effect(auto& s) {
        const RequestId r = s.head_request();
        s.pop();
        s.set_got(r, false);
        if (!s.shape().first_cqe) free_buffer_of(s, r);
        s.set_rb(r, 0);
        s.set_pc(r, Pc::idle);
    }
};

// A request slot is used again only when no skb of its last life is left.
struct Issue {
    static bool guard(const auto& s, RequestId r) {
        return s.pc(r) == Pc::submitted && s.no_skbs(r);
    }
    static void effect(auto& s, RequestId r) {
        s.set_pc(r, Pc::issuing);
        s.set_ref(r, 1);
    }
};

struct FailEarly {
    static bool guard(const auto& s, RequestId r) {
        return s.pc(r) == Pc::submitted && !s.cq_full();
    }
    static void effect(auto& s, RequestId r) {
        s.set_pc(r, Pc::errposted);
        s.push(Cqe::err, r);
    }
};

struct Attach {
    static bool guard(const auto& s, RequestId r) {
        return s.pc(r) == Pc::issuing && s.nskb(r) < s.shape().skbs;
    }
    static void effect(auto& s, RequestId r) {
        const unsigned used = s.nskb(r);
        s.set_skb(r, SkbId{static_cast<std::uint8_t>(used)}, Skb::queued);
        s.set_nskb(r, used + 1);
        s.set_ref(r, s.ref(r) + 1);
    }
};

struct Post {
    static bool guard(const auto& s, RequestId r) { return s.pc(r) == Pc::issuing && !s.cq_full(); }
    static void effect(auto& s, RequestId r) {
        s.set_pc(r, Pc::posted);
        s.push(Cqe::more, r);
    }
};

struct DropSubmit {
    static bool guard(const auto& s, RequestId r) { return s.pc(r) == Pc::posted; }
    static void effect(auto& s, RequestId r) {
        s.set_pc(r, Pc::issued);
        s.set_nskb(r, 0);
        drop(s, r);
    }
};

struct TaskWork {
    static bool guard(const auto& s, RequestId r) { return s.pc(r) == Pc::tw && !s.cq_full(); }
    static void effect(auto& s, RequestId r) {
        s.set_pc(r, Pc::notifposted);
        s.push(Cqe::notif, r);
    }
};

struct Clone {
    static bool guard(const auto& s, RequestId r, SkbId k) { return s.skb(r, k) == Skb::queued; }
    static void effect(auto& s, RequestId r, SkbId k) { s.set_skb(r, k, Skb::cloned); }
};

struct Xmit {
    static bool guard(const auto& s, RequestId r, SkbId k) { return s.skb(r, k) == Skb::queued; }
    static void effect(auto& s, RequestId r, SkbId k) { s.set_skb(r, k, Skb::dev); }
};

struct Free {
    static bool guard(const auto& s, RequestId r, SkbId k) {
        return holds_ref(s.skb(r, k)) && s.skb(r, k) != Skb::cloned;
    }
    static void effect(auto& s, RequestId r, SkbId k) {
        s.set_skb(r, k, Skb::none);
        drop(s, r);
    }
};

struct Copy {
    static bool guard(const auto& s, RequestId r, SkbId k) {
        return s.skb(r, k) == Skb::queued || s.skb(r, k) == Skb::afterclone;
    }
    static void effect(auto& s, RequestId r, SkbId k) {
        s.set_skb(r, k, Skb::copied);
        drop(s, r);
    }
};

struct FreeCopy {
    static bool guard(const auto& s, RequestId r, SkbId k) { return s.skb(r, k) == Skb::copied; }
    static void effect(auto& s, RequestId r, SkbId k) { s.set_skb(r, k, Skb::none); }
};

struct CloneDone {
    static bool guard(const auto& s, RequestId r, SkbId k) { return s.skb(r, k) == Skb::cloned; }
    static void effect(auto& s, RequestId r, SkbId k) { s.set_skb(r, k, Skb::afterclone); }
};

struct OrigAcked {
    static bool guard(const auto& s, RequestId r, SkbId k) { return s.skb(r, k) == Skb::cloned; }
    static void effect(auto& s, RequestId r, SkbId k) { s.set_skb(r, k, Skb::cloneonly); }
};

// The table of contents, in the order a send lives through it; step_infos() is in the same order.
using Steps =
    std::tuple<Write, Submit, ConsumeErr, ConsumeMore, ConsumeNotif, Issue, FailEarly, Attach, Post,
               DropSubmit, TaskWork, Clone, Xmit, Free, Copy, FreeCopy, CloneDone, OrigAcked>;
inline constexpr std::size_t step_count = std::tuple_size_v<Steps>;

std::span<const checker::StepInfo> step_infos();
std::string params_of(checker::Taken taken);
template <std::size_t Words>
std::vector<checker::Field> fields_of(const State<Words>& state);
template <std::size_t Words>
std::span<const checker::Property<State<Words>>> all_properties();

class Packed;

// The reference model as the checker sees it; `Words` is Layout(shape).words. States point into the
// layout, so the system outlives them.
template <std::size_t Words>
class System {
  public:
    using State = reference::State<Words>;

    explicit System(const Shape& shape);
    ~System();
    System(const System&) = delete;
    System& operator=(const System&) = delete;

    State initial() const { return State{&layout_, {}}; }
    static constexpr std::size_t words() { return Words; }
    static void pack(const State& state, std::uint64_t* words) {
        for (std::size_t i = 0; i < Words; ++i) words[i] = state.words[i];
    }
    void unpack(const std::uint64_t* words, State& into) const {
        into.layout = &layout_;
        for (std::size_t i = 0; i < Words; ++i) into.words[i] = words[i];
    }
    template <class Visitor>
    void for_each_next(const State& state, Visitor&& visit) const {
        visit_steps(state, visit, std::make_index_sequence<step_count>{});
    }
    // In no particular order.
    template <class Visitor>
    void for_each_of_group(checker::Group group, Visitor&& visit) const requires(Words == 1);
    bool surely_hold(checker::Group group) const requires(Words == 1);

    // Exact: two states have the same representative if and only if buffers and requests can be
    // renamed so that one becomes the other. `deep`: skbs of a request that are all attached can be
    // renamed as well, for an skb is attached at the first free place and never looked for by
    // place.
    void canonical(std::uint64_t* words, bool deep) const;

    // The steps of one set that may be taken before all others (reduction.hpp says what that
    // needs), of those there are the one numbered `which`; false when there are not so many. The
    // rest of an skb's life until only the last reference is left is its own; the submitter's
    // reference goes with nobody looking; a buffer may as well be filled at once; and what lies in
    // the queue was decided when it was put there.
    template <class Visitor>
    bool for_each_alone(const State& s, Visitor&& visit, unsigned which = 0) const;

    static std::span<const checker::StepInfo> steps() { return step_infos(); }
    static std::string params(checker::Taken taken) { return params_of(taken); }
    static std::vector<checker::Field> fields(const State& state) { return fields_of(state); }
    static std::span<const checker::Property<State>> properties() {
        return all_properties<Words>();
    }

  private:
    template <class Visitor, std::size_t... Numbers>
    void visit_steps(const State& state, Visitor& visit, std::index_sequence<Numbers...>) const {
        (visit_step<Numbers>(state, visit), ...);
    }
    // The parameters of a guard are its quantifier: one call for every choice of them.
    template <std::size_t Number, class Visitor>
    void visit_step(const State s, Visitor& visit) const {
        using Step = std::tuple_element_t<Number, Steps>;
        const auto take = [&](auto... ids) { try_step<Number>(s, visit, ids...); };
        const Shape& shape = layout_.shape;
        if constexpr (requires { Step::guard(s); }) {
            take();
        } else if constexpr (requires { Step::guard(s, BufferId{}); }) {
            each<BufferId>(shape.buffers, take);
        } else if constexpr (requires { Step::guard(s, BufferId{}, RequestId{}); }) {
            each<BufferId>(shape.buffers, [&](BufferId b) {
                each<RequestId>(shape.requests, [&](RequestId r) { take(b, r); });
            });
        } else if constexpr (requires { Step::guard(s, RequestId{}); }) {
            each<RequestId>(shape.requests, take);
        } else {
            each<RequestId>(shape.requests, [&](RequestId r) {
                each<SkbId>(shape.skbs, [&](SkbId k) { take(r, k); });
            });
        }
    }
    template <std::size_t Number, class Visitor, class... Id>
    static void try_step(const State& s, Visitor& visit, Id... ids) {
        using Step = std::tuple_element_t<Number, Steps>;
        if (!Step::guard(s, ids...)) return;
        State after = s;
        Step::effect(after, ids...);
        visit(
            checker::Taken{static_cast<std::uint8_t>(Number), {static_cast<std::uint8_t>(ids)...}},
            after);
    }
    template <class Step, std::size_t Number = 0>
    static constexpr std::size_t number_of() {
        if constexpr (std::is_same_v<std::tuple_element_t<Number, Steps>, Step>)
            return Number;
        else
            return number_of<Step, Number + 1>();
    }
    template <class Visitor, class... Step, class... Id>
    static bool all_of(std::tuple<Step...>*, const State& s, Visitor& visit, Id... ids) {
        (try_step<number_of<Step>()>(s, visit, ids...), ...);
        return true;
    }
    template <class... Step, class Visitor, class... Id>
    static bool take_all(const State& s, Visitor& visit, Id... ids) {
        return all_of(static_cast<std::tuple<Step...>*>(nullptr), s, visit, ids...);
    }
    template <class Id, class Take>
    static void each(unsigned count, Take&& take) {
        for (unsigned i = 0; i < count; ++i) take(Id{static_cast<std::uint8_t>(i)});
    }

    Layout layout_;
    std::unique_ptr<const Packed> packed_;  // of one-word states
};

template <std::size_t Words>
template <class Visitor>
bool System<Words>::for_each_alone(const State& s, Visitor&& visit, unsigned which) const {
    for (unsigned i = 0; i < s.shape().requests; ++i) {
        const RequestId r{static_cast<std::uint8_t>(i)};
        for (unsigned j = 0; j < s.shape().skbs; ++j) {
            const SkbId k{static_cast<std::uint8_t>(j)};
            const Skb skb = s.skb(r, k);
            const bool own = skb == Skb::copied || skb == Skb::cloned || skb == Skb::queued;
            if (!own || which-- != 0) continue;
            if (skb == Skb::copied) return take_all<FreeCopy>(s, visit, r, k);
            if (skb == Skb::cloned) return take_all<CloneDone, OrigAcked>(s, visit, r, k);
            return take_all<Clone, Xmit, Free, Copy>(s, visit, r, k);
        }
        if (s.pc(r) == Pc::posted && which-- == 0) return take_all<DropSubmit>(s, visit, r);
    }
    // An application that takes the first CQE for the release shares buffers between requests:
    // what it does with them is for all to see.
    if (s.shape().first_cqe) return false;
    for (unsigned b = 0; b < s.shape().buffers; ++b)
        if (s.buf(b) == Buf::free && which-- == 0)
            return take_all<Write>(s, visit, BufferId{static_cast<std::uint8_t>(b)});
    if (s.head() == Cqe::none || which != 0) return false;
    return take_all<ConsumeErr, ConsumeMore, ConsumeNotif>(s, visit);
}

}  // namespace zcv::reference

#include "model/reference_packed.hpp"

namespace zcv::reference {

template <std::size_t Words>
template <class Visitor>
void System<Words>::for_each_of_group(checker::Group group, Visitor&& visit) const
    requires(Words == 1) {
    packed_->for_each_next(group, visit);
}

template <std::size_t Words>
bool System<Words>::surely_hold(checker::Group group) const requires(Words == 1) {
    return packed_->surely_hold(group);
}

}  // namespace zcv::reference
