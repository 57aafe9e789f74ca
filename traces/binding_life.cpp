#include <fmt/format.h>

#include <algorithm>

#include "model/next.hpp"
#include "traces/binding_walk.hpp"

// How the shared infos of the records come about in the model, and which skbs carry them.
namespace zcv {

// Brings about the shared info of this life, the way it came about.
void Walk::attach(std::uint32_t life) {
    if (lives_[life].attached) return;
    const Life& seen = seen_life(life);
    if (!sends_.contains(seen.owner)) mismatch("no send in flight has given its pages to this skb");
    Send& owner = send_at(seen.owner);
    if (seen.birth == Birth::segment && cut_off(life)) return;
    if (seen.birth == Birth::split && split_off(life)) return;
    if (owner.is_call) return attach_of_call(life);
    if (owner.request == none<RequestId>)
        mismatch("its data was attached after the send was over", around(owner));
    if (s_[owner.request].phase != Phase::issuing) {
        // Half a send is split again when it is sent again, and that may be all that is ever seen.
        if (owner.completed && split_off(life)) return;
        if (owner.completed)
            mismatch("its data was attached after the request completed", around(owner));
        issue(owner);
    }
    attach_in_order(life, owner);
}

// With all of a stream that lies before it and shows up later.
void Walk::attach_in_order(std::uint32_t life, Send& adding) {
    const Some& lives = ahead_.sends.at(adding.generation).lives;
    const bool sent_now = seen_life(life).birth == Birth::sent && seen_life(life).sequence != 0;
    for (const std::uint32_t before : lives) {
        if (!sent_now || before == life) break;
        if (seen_life(before).birth == Birth::sent && !lives_[before].attached)
            attach_in_sendmsg(before, adding);
    }
    attach_in_sendmsg(life, adding);
}

void Walk::attach_in_sendmsg(std::uint32_t life, Send& adding) {
    if (s_.config(adding.sock).transport == Transport::tcp)
        must<kernel::skb_zerocopy_iter_stream>("an skb with the request's pages", adding.request);
    else
        must<kernel::ip_append_data>("a datagram with the request's pages", adding.request);
    begin_life(life, SkbId{s_.newest()});
}

// The newest skb is the first of this life.
void Walk::begin_life(std::uint32_t life, SkbId skb) {
    Send& owner = send_at(seen_life(life).owner);
    LifeState& state = lives_[life];
    state.attached = true;
    state.shinfo = s_[skb].shinfo;
    state.original = skb;
    if (holders_ != nullptr) name_holder(state.shinfo, life);
    owner.lives.push_back(life);
    adopt(life, skb, 0);
    if (!history(owner).attached_ns) history(owner).attached_ns = now_ns_;
}

// The data of the same ubuf that lies closest before it in the stream; 0 unknown.
std::uint32_t Walk::whole_of(std::uint32_t life) const {
    const Life& part = seen_life(life);
    const SendFacts& facts = ahead_.sends.at(part.owner);
    std::uint32_t closest = 0;
    // Where nobody tells which skbs sendmsg made, only what is there already is sure.
    for (const std::uint32_t other :
         facts.places_known ? facts.lives : sends_.at(part.owner).lives) {
        const Life& before = seen_life(other);
        const bool is_segment = before.birth == Birth::segment;
        if (part.sequence == 0 || before.sequence == 0 || is_segment ||
            !is_before(before.sequence, part.sequence))
            continue;
        if (closest == 0 || is_before(seen_life(closest).sequence, before.sequence))
            closest = other;
    }
    return closest;
}

// Whether it is the rest of another that may be an skb of its own by now. What is sent whole first
// is split only after that.
bool Walk::may_be_split(std::uint32_t life) {
    if (life == 0 || seen_life(life).birth != Birth::split || lives_[life].attached) return false;
    const std::uint32_t whole = whole_of(life);
    if (whole == 0 || !lives_[whole].attached || lives_[whole].gone) return true;
    return s_[lives_[whole].original].loc != Loc::write_queue || !was_sent_with(life, whole);
}

// The rest of an skb that was sent in part. That may be no skb of its own yet either.
bool Walk::split_off(std::uint32_t life) {
    Some unsplit{life};
    for (;;) {
        const std::uint32_t whole = whole_of(unsplit.back());
        if (!may_be_split(whole) || std::ranges::find(unsplit, whole) != unsplit.end()) break;
        unsplit.push_back(whole);
    }
    bool split = false;
    for (; !unsplit.empty(); unsplit.pop_back()) split = split_one_off(unsplit.back());
    return split;
}

// Of that before it in the stream, else of any of the same ubuf.
bool Walk::split_one_off(std::uint32_t life) {
    const Life& seen = seen_life(life);
    const Send& owner = send_at(seen.owner);
    std::vector<std::uint32_t> whole{whole_of(life), seen.parent};
    whole.insert(whole.end(), owner.lives.rbegin(), owner.lives.rend());
    for (const std::uint32_t other : whole) {
        if (other == 0 || !lives_[other].attached || lives_[other].gone) continue;
        const SkbId skb = lives_[other].original;
        if (state_of(skb).life != other || !can<kernel::tcp_fragment>(s_, skb)) continue;
        go<kernel::tcp_fragment>(skb);
        note_guess(s_[skb].sock);
        begin_life(life, SkbId{s_.newest()});
        return true;
    }
    return false;
}

// A segment of an skb in a queue: of the parent's, else of any of the same ubuf.
bool Walk::cut_off(std::uint32_t life) {
    const Life& seen = seen_life(life);
    std::vector<std::uint32_t> large{seen.parent};
    const Send& owner = send_at(seen.owner);
    large.insert(large.end(), owner.lives.begin(), owner.lives.end());
    for (const std::uint32_t other : large)
        for (const SkbId skb : lives_[other].skbs) {
            if (s_[skb].loc == Loc::build) go<kernel::dev_queue_xmit>(skb);
            if (!can<kernel::skb_segment>(s_, skb)) continue;
            go<kernel::skb_segment>(skb);
            begin_life(life, SkbId{s_.newest()});
            return true;
        }
    return false;
}

// All segments of an skb exist before it goes, which is now, and show up after that; those that are
// copies never do. Nothing else consumes an skb of a stream before a driver has it.
void Walk::cut_up(std::uint32_t life, SkbId skb, bool consumed) {
    for (const std::uint32_t child : seen_life(life).children) {
        if (seen_life(child).cut_ns != now_ns_ || lives_[child].attached ||
            !can<kernel::skb_segment>(s_, skb))
            continue;
        go<kernel::skb_segment>(skb);
        begin_life(child, SkbId{s_.newest()});
    }
    const bool stream = s_.config(s_[skb].sock).transport == Transport::tcp;
    if (consumed && stream && s_[skb].loc == Loc::qdisc && can<kernel::skb_segment_linear>(s_, skb))
        go<kernel::skb_segment_linear>(skb);
}

// The skb is known, and its head is new: a private copy of the shared info, or the same one moved.
bool Walk::has_new_head(std::uint32_t life, SkbId skb) {
    const Life& seen = seen_life(life);
    const SkbState before = state_of(skb);
    if (before.life != seen.parent) return false;
    if (seen.birth == Birth::moved) {
        lives_[life] = lives_[before.life];
        for (const SkbId each : lives_[life].skbs) state_of(each).life = life;
        lives_[before.life].skbs.clear();
        lives_[before.life].gone = true;
        send_at(seen.owner).lives.push_back(life);
        return true;
    }
    if (seen.birth != Birth::expanded) return false;
    to_device(skb);
    if (s_[skb].loc == Loc::dev)
        must<kernel::netif_receive_skb_core>("an skb received on this machine", skb);
    must<kernel::pskb_expand_head>("an skb with a private copy of its shared data", skb);
    forget(lives_[before.life].skbs, skb);
    begin_life(life, skb);
    adopt(life, skb, before.address);
    return true;
}

// The name of this skb from now on. An address belongs to the skb that had it last.
SkbId Walk::adopt(std::uint32_t life, SkbId skb, std::uint64_t address) {
    if (skb_states_.size() <= index(skb)) skb_states_.resize(index(skb) + 1);
    SkbState& state = skb_states_[index(skb)];
    if (state.life != life || state.address == 0) state = {life, address};
    auto& skbs = lives_[life].skbs;
    if (std::ranges::find(skbs, skb) == skbs.end()) skbs.push_back(skb);
    if (address != 0) skb_at_[address] = skb;
    return skb;
}

void Walk::drop_from_life(SkbId skb) {
    SkbState& state = state_of(skb);
    if (state.address != 0) {
        const SkbId* const found = skb_at_.find(state.address);
        if (found != nullptr && *found == skb) skb_at_.erase(state.address);
    }
    forget(lives_[state.life].skbs, skb);
    LifeState& life = lives_[state.life];
    if (life.skbs.empty() && life.attached && !life.gone) {
        life.gone = true;
        life.gone_ns = now_ns_;
    }
    state = {};
}

Walk::SkbState& Walk::state_of(SkbId skb) {
    if (skb_states_.size() <= index(skb)) skb_states_.resize(index(skb) + 1);
    return skb_states_[index(skb)];
}

void Walk::release_life(std::uint32_t life) {
    if (lives_[life].gone || !lives_[life].attached) return;
    if (has_jumped_the_queue(life, now_ns_) && eat(life)) return;
    // Clones first: they are what the peer's acknowledgement of the original waits for. Finishing
    // one may bring about another, which is sent and done with in the next turn.
    for (std::size_t turn = lives_[life].skbs.size() + 2; turn > 0 && !lives_[life].gone; --turn)
        finish_skb(lives_[life].skbs.back());
}

}  // namespace zcv
