#include "model/reference.hpp"

#include <algorithm>

namespace zcv::reference {
namespace {

unsigned bits_for(unsigned values) {
    return static_cast<unsigned>(std::bit_width(values - 1));
}

// The next free bit for a field that must not cross a word.
unsigned reserve(unsigned& next, unsigned bits) {
    if (next % 64 + bits > 64) next = (next / 64 + 1) * 64;
    const unsigned at = next;
    next += bits;
    return at;
}

constexpr std::array<checker::StepInfo, step_count> infos{{
    {"Write", "", "", "application"},
    {"Submit", "", "", "application"},
    {"ConsumeErr", "", "", "application"},
    {"ConsumeMore", "", "", "application"},
    {"ConsumeNotif", "", "", "application"},
    {"Issue", "io_uring/net.c", "io_send_zc", "syscall"},
    {"FailEarly", "io_uring/io_uring.c", "io_req_complete_post", "syscall"},
    {"Attach", "net/core/skbuff.c", "skb_zerocopy_iter_stream", "syscall"},
    {"Post", "io_uring/net.c", "io_send_zc", "syscall"},
    {"DropSubmit", "io_uring/notif.h", "io_notif_flush", "syscall"},
    {"TaskWork", "io_uring/notif.c", "io_notif_tw_complete", "task work"},
    {"Clone", "net/core/skbuff.c", "skb_clone", "softirq"},
    {"Xmit", "net/core/dev.c", "dev_hard_start_xmit", "softirq"},
    {"Free", "net/core/skbuff.c", "skb_release_data", "softirq"},
    {"Copy", "net/core/skbuff.c", "skb_copy_ubufs", "softirq"},
    {"FreeCopy", "net/core/skbuff.c", "skb_release_data", "softirq"},
    {"CloneDone", "net/core/skbuff.c", "__kfree_skb", "device"},
    {"OrigAcked", "net/ipv4/tcp_input.c", "tcp_clean_rtx_queue", "softirq"},
}};

constexpr std::string_view name_of(Buf buf) {
    constexpr std::array<std::string_view, 3> names{"free", "written", "inflight"};
    return names[number(buf)];
}

constexpr std::string_view name_of(Pc pc) {
    constexpr std::array<std::string_view, 8> names{
        "idle", "submitted", "errposted", "issuing", "posted", "issued", "tw", "notifposted"};
    return names[number(pc)];
}

constexpr std::string_view name_of(Skb skb) {
    constexpr std::array<std::string_view, 7> names{"none", "queued",     "cloned", "cloneonly",
                                                    "dev",  "afterclone", "copied"};
    return names[number(skb)];
}

constexpr std::string_view name_of(Cqe cqe) {
    constexpr std::array<std::string_view, 4> names{"none", "err", "more", "notif"};
    return names[number(cqe)];
}

bool every_request(const auto& s, auto&& holds) {
    for (unsigned r = 0; r < s.shape().requests; ++r)
        if (!holds(RequestId{static_cast<std::uint8_t>(r)})) return false;
    return true;
}

bool some_request(const auto& s, auto&& holds) {
    return !every_request(s, [&](RequestId r) { return !holds(r); });
}

unsigned skbs_with_ref(const auto& s, RequestId r) {
    unsigned count = 0;
    for (unsigned k = 0; k < s.shape().skbs; ++k)
        count += holds_ref(s.skb(r, SkbId{static_cast<std::uint8_t>(k)}));
    return count;
}

// A count that is too low releases a buffer that is still read; too high, it never comes back.
template <class S>
bool ref_exact(const S& s) {
    return every_request(s, [&](RequestId r) {
        const bool issuer = s.pc(r) == Pc::issuing || s.pc(r) == Pc::posted;
        return s.ref(r) == skbs_with_ref(s, r) + issuer;
    });
}

template <class S>
bool some_ref(const S& s) {
    return some_request(s, [&](RequestId r) { return s.ref(r) > 0; });
}

// While an skb reads the buffer the application must not have it back: what it writes next is what
// the peer receives.
template <class S>
bool no_app_owned(const S& s) {
    return every_request(s, [&](RequestId r) {
        if (skbs_with_ref(s, r) == 0) return true;
        return s.rb(r) != 0 && s.buf(s.rb(r) - 1) == Buf::inflight;
    });
}

template <class S>
bool some_skb_reads(const S& s) {
    return some_request(s, [&](RequestId r) { return skbs_with_ref(s, r) > 0; });
}

// An idle slot is one the application may submit again, so nothing of its last life may be left.
template <class S>
bool idle_clean(const S& s) {
    return every_request(
        s, [&](RequestId r) { return s.pc(r) != Pc::idle || (!s.got(r) && s.ref(r) == 0); });
}

template <class S>
bool some_idle(const S& s) {
    return some_request(s, [&](RequestId r) { return s.pc(r) == Pc::idle; });
}

// A request that failed before it was issued never announces a notification.
template <class S>
bool err_no_more(const S& s) {
    return every_request(s, [&](RequestId r) { return s.pc(r) != Pc::errposted || !s.got(r); });
}

template <class S>
bool some_err(const S& s) {
    return some_request(s, [&](RequestId r) { return s.pc(r) == Pc::errposted; });
}

template <class S>
bool tw_zero(const S& s) {
    return every_request(s, [&](RequestId r) {
        return (s.pc(r) != Pc::tw && s.pc(r) != Pc::notifposted) || s.ref(r) == 0;
    });
}

template <class S>
bool some_tw(const S& s) {
    return some_request(
        s, [&](RequestId r) { return s.pc(r) == Pc::tw || s.pc(r) == Pc::notifposted; });
}

// What the definition asserts inside ConsumeMore and ConsumeNotif; both can be taken exactly when
// the entry is at the head, so looking at the state there is the same.
template <class S>
bool one_more(const S& s) {
    return s.head() != Cqe::more || !s.got(s.head_request());
}

template <class S>
bool head_is_more(const S& s) {
    return s.head() == Cqe::more;
}

template <class S>
bool notif_after_more(const S& s) {
    return s.head() != Cqe::notif || s.got(s.head_request());
}

template <class S>
bool head_is_notif(const S& s) {
    return s.head() == Cqe::notif;
}

}  // namespace

Layout::Layout(const Shape& wanted) : shape(wanted) {
    entry_bits = bits_for(3 * shape.requests + 1);
    rb_bits = bits_for(shape.buffers + 1);
    ref_bits = bits_for(shape.skbs + 2);
    nskb_bits = bits_for(shape.skbs + 1);
    // What a step looks at lies together.
    rb_at = 1;
    pc_at = rb_at + rb_bits;
    ref_at = pc_at + 3;
    nskb_at = ref_at + ref_bits;
    request_bits = nskb_at + nskb_bits;
    skbs_bits = 3 * shape.skbs;

    unsigned next = 0;
    for (unsigned r = 0; r < shape.requests; ++r) skbs_at[r] = reserve(next, skbs_bits);
    // Of a group's members nothing but skbs differs.
    next = std::max(next, checker::Group::bits);
    cq_bits = entry_bits * shape.entries;
    cq_at = reserve(next, cq_bits);
    buffers_at = reserve(next, 2 * shape.buffers);
    for (unsigned r = 0; r < shape.requests; ++r) request_at[r] = reserve(next, request_bits);
    words = (next + 63) / 64;
}

std::span<const checker::StepInfo> step_infos() {
    return infos;
}

std::string params_of(checker::Taken taken) {
    const std::string first = std::to_string(taken.ids[0]);
    const std::string second = std::to_string(taken.ids[1]);
    const std::string_view name = infos[taken.step].name;
    if (name == "Write") return "buffer " + first;
    if (name == "Submit") return "buffer " + first + ", request " + second;
    if (name.substr(0, 7) == "Consume") return "";
    const bool of_skb = taken.step >= step_count - 7;
    return of_skb ? "request " + first + ", skb " + second : "request " + first;
}

template <std::size_t Words>
std::vector<checker::Field> fields_of(const State<Words>& s) {
    std::vector<checker::Field> fields;
    const auto add = [&](const std::string& noun, const char* name, std::string_view value) {
        fields.push_back({noun, name, std::string(value)});
    };
    for (unsigned b = 0; b < s.shape().buffers; ++b)
        add("buffer " + std::to_string(b), "state", name_of(s.buf(b)));
    for (unsigned i = 0; i < s.shape().requests; ++i) {
        const RequestId r{static_cast<std::uint8_t>(i)};
        const std::string noun = "request " + std::to_string(i);
        add(noun, "pc", name_of(s.pc(r)));
        if (s.rb(r) != 0) add(noun, "buffer", std::to_string(s.rb(r) - 1));
        add(noun, "refs", std::to_string(s.ref(r)));
        add(noun, "skbs", std::to_string(s.nskb(r)));
        add(noun, "more", s.got(r) ? "seen" : "no");
        for (unsigned j = 0; j < s.shape().skbs; ++j) {
            const Skb skb = s.skb(r, SkbId{static_cast<std::uint8_t>(j)});
            if (skb == Skb::none) continue;
            add("skb " + std::to_string(i) + "." + std::to_string(j), "state", name_of(skb));
        }
    }
    std::string queue;
    for (unsigned i = 0; i < s.shape().entries && s.entry(i) != 0; ++i) {
        if (i > 0) queue += " | ";
        queue += name_of(s.kind_of(s.entry(i)));
        queue += " " + std::to_string(number(s.request_of(s.entry(i))));
    }
    add("cq", "entries", queue.empty() ? "none" : queue);
    return fields;
}

template <std::size_t Words>
std::span<const checker::Property<State<Words>>> all_properties() {
    using S = State<Words>;
    using checker::Must;
    static constexpr std::array<checker::Property<S>, 14> table{{
        {Must::always, "ref-exact", ref_exact<S>,
         "the notification's count is not the number of its holders"},
        {Must::sometimes, "ref-exact-reached", some_ref<S>, ""},
        {Must::always, "no-app-owned", no_app_owned<S>,
         "the application has a buffer back that an skb still reads: the peer may receive what is "
         "written next"},
        {Must::sometimes, "no-app-owned-reached", some_skb_reads<S>, ""},
        {Must::always, "idle-clean", idle_clean<S>,
         "a request slot is free for use while its last send is not over"},
        {Must::sometimes, "idle-clean-reached", some_idle<S>, ""},
        {Must::always, "err-no-more", err_no_more<S>,
         "a send that failed early has announced a notification that will not come"},
        {Must::sometimes, "err-no-more-reached", some_err<S>, ""},
        {Must::always, "tw-zero", tw_zero<S>,
         "the notification is on its way while somebody still holds a reference"},
        {Must::sometimes, "tw-zero-reached", some_tw<S>, ""},
        {Must::always, "one-more", one_more<S>, "one send announces two notifications"},
        {Must::sometimes, "one-more-reached", head_is_more<S>, ""},
        {Must::always, "notif-after-more", notif_after_more<S>,
         "a notification comes that no completion announced"},
        {Must::sometimes, "notif-after-more-reached", head_is_notif<S>, ""},
    }};
    return table;
}

template <std::size_t Words>
System<Words>::System(const Shape& shape) : layout_(shape) {
    ZCV_CHECK(layout_.words == Words);
    if constexpr (Words == 1) {
        packed_ = std::make_unique<const Packed>(
            layout_,
            [this](std::uint64_t word, const Packed::Visit& visit) {
                for_each_next(State{&layout_, {word}}, [&](checker::Taken taken, const State& s) {
                    visit(taken, s.words[0]);
                });
            },
            [this](std::uint64_t word) {
                const State state{&layout_, {word}};
                for (const auto& property : properties())
                    if (property.must == checker::Must::always && !property.holds(state))
                        return false;
                return true;
            });
    }
}

template <std::size_t Words>
System<Words>::~System() = default;

template class System<1>;
template class System<2>;
template class System<3>;
template std::vector<checker::Field> fields_of(const State<1>&);
template std::vector<checker::Field> fields_of(const State<2>&);
template std::vector<checker::Field> fields_of(const State<3>&);
template std::span<const checker::Property<State<1>>> all_properties<1>();
template std::span<const checker::Property<State<2>>> all_properties<2>();
template std::span<const checker::Property<State<3>>> all_properties<3>();

}  // namespace zcv::reference
