#include <algorithm>
#include <array>
#include <numeric>

#include "model/reference.hpp"

namespace zcv::reference {
namespace {

// Who is whom: the request at place i is called order[i] so far, likewise the buffers.
struct Names {
    std::array<unsigned, 4> requests{};
    std::array<unsigned, 4> buffers{};
};

constexpr RequestId request(unsigned r) {
    return RequestId{static_cast<std::uint8_t>(r)};
}

// The same state with every name exchanged.
template <class S>
S renamed(const S& s, const Names& names) {
    const Layout& layout = *s.layout;
    std::array<unsigned, 5> buffer_now{};  // counted from 1
    std::array<unsigned, 4> request_now{};
    for (unsigned b = 0; b < layout.shape.buffers; ++b) buffer_now[names.buffers[b] + 1] = b + 1;
    for (unsigned r = 0; r < layout.shape.requests; ++r) request_now[names.requests[r]] = r;
    S to{s.layout, {}};
    for (unsigned b = 0; b < layout.shape.buffers; ++b) to.set_buf(b, s.buf(names.buffers[b]));
    for (unsigned r = 0; r < layout.shape.requests; ++r) {
        to.set_block(request(r), s.block(request(names.requests[r])));
        to.set_rb(request(r), buffer_now[s.rb(request(names.requests[r]))]);
    }
    for (unsigned i = 0; i < layout.shape.entries && s.entry(i) != 0; ++i)
        to.set_entry(
            i, 3 * request_now[number(s.request_of(s.entry(i)))] + number(s.kind_of(s.entry(i))));
    return to;
}

// All of a request but its name and that of its buffer: what it is, what its buffer is, and which
// entries of the queue are its own.
template <class S>
std::uint64_t look_of(const S& s, RequestId r) {
    const unsigned rb = s.rb(r);
    std::uint64_t look = s.block_without_rb(r);
    look = look << 3 | (rb == 0 ? 0 : 1 + number(s.buf(rb - 1)));
    for (unsigned i = 0; i < s.shape().entries; ++i) {
        const bool own = s.entry(i) != 0 && s.request_of(s.entry(i)) == r;
        look = look << 2 | (own ? number(s.kind_of(s.entry(i))) : 0);
    }
    return look;
}

template <class S>
bool buffers_are_shared(const S& s) {
    unsigned seen = 0;
    for (unsigned r = 0; r < s.shape().requests; ++r) {
        const unsigned bit = 1U << s.rb(request(r));
        if (bit != 1 && (seen & bit) != 0) return true;
        seen |= bit;
    }
    return false;
}

// While no two requests share a buffer, requests that look alike are alike, and each brings its
// buffer along: so sorting decides.
template <class S>
S by_sorting(const S& s) {
    const Shape& shape = s.shape();
    Names names;
    std::array<std::uint64_t, 4> looks{};
    for (unsigned r = 0; r < shape.requests; ++r) {
        looks[r] = look_of(s, request(r));
        unsigned at = r;
        for (; at > 0 && looks[names.requests[at - 1]] < looks[r]; --at)
            names.requests[at] = names.requests[at - 1];
        names.requests[at] = r;
    }
    unsigned named = 0;
    unsigned seen = 0;
    for (unsigned i = 0; i < shape.requests; ++i) {
        const unsigned rb = s.rb(request(names.requests[i]));
        if (rb == 0) continue;
        names.buffers[named++] = rb - 1;
        seen |= 1U << (rb - 1);
    }
    for (const Buf kind : {Buf::inflight, Buf::written, Buf::free})
        for (unsigned b = 0; b < shape.buffers; ++b)
            if ((seen >> b & 1) == 0 && s.buf(b) == kind) names.buffers[named++] = b;
    return renamed(s, names);
}

// The least of all names there are: at most 576.
template <class S>
S by_trying(const S& s) {
    const Shape& shape = s.shape();
    S least = s;
    Names names;
    std::iota(names.requests.begin(), names.requests.end(), 0);
    do {
        std::iota(names.buffers.begin(), names.buffers.end(), 0);
        do {
            const S other = renamed(s, names);
            if (other.words < least.words) least = other;
        } while (
            std::next_permutation(names.buffers.begin(), names.buffers.begin() + shape.buffers));
    } while (
        std::next_permutation(names.requests.begin(), names.requests.begin() + shape.requests));
    return least;
}

// An skb is attached at the first place that is free, so those in use lie before it. When the
// submitter is done no more are attached to this life of the request.
template <class S>
void sort_skbs(S& s) {
    for (unsigned r = 0; r < s.shape().requests; ++r) {
        const unsigned attached = s.nskb(request(r));
        const unsigned count = attached > 0 ? attached : s.shape().skbs;
        std::array<Skb, 4> skbs{};
        for (unsigned k = 0; k < count; ++k)
            skbs[k] = s.skb(request(r), SkbId{static_cast<std::uint8_t>(k)});
        std::sort(skbs.begin(), skbs.begin() + count);
        for (unsigned k = 0; k < count; ++k)
            s.set_skb(request(r), SkbId{static_cast<std::uint8_t>(k)}, skbs[k]);
    }
}

}  // namespace

template <std::size_t Words>
void System<Words>::canonical(std::uint64_t* words, bool deep) const {
    State s = initial();
    unpack(words, s);
    if (deep) sort_skbs(s);
    pack(buffers_are_shared(s) ? by_trying(s) : by_sorting(s), words);
}

template void System<1>::canonical(std::uint64_t*, bool) const;
template void System<2>::canonical(std::uint64_t*, bool) const;
template void System<3>::canonical(std::uint64_t*, bool) const;

}  // namespace zcv::reference
