#pragma once

#include "model/kernel/net/core/skbuff.hpp"
#include "model/step.hpp"
#include "model/world/slots.hpp"
#include "model/world/world.hpp"

// An AF_XDP application and the device under it. Which frames are free is its own business: the
// kernel leaves allocation to it.
namespace zcv::world {

struct app_fill_tx_ring {
    using Of = Ids<BufferId, RequestId, SockId>;
    static constexpr KernelRef at{"", "fill a descriptor"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) { return world.models(Part::xdp); }
    static bool guard(const auto& s, BufferId b, RequestId r, SockId) {
        return s[b].written && s[b].lent == 0 && s[r].phase == Phase::idle &&
               s.api_of(r) == Api::af_xdp;
    }
    static void effect(auto& s, BufferId b, RequestId r, SockId sock) {
        ++s[b].lent;
        s[r].phase = Phase::sqe;
        s[r].buffer = b;
        s[r].sock = sock;
        s[r].ring = s.ring_of(r);
        s[sock].tx_ring.push_back(r);
    }
};

// Gives the kernel a free frame to receive into.
struct app_fill_fill_ring {
    using Of = Ids<BufferId, SockId>;
    static constexpr KernelRef at{"", "fill the fill ring"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) { return world.models(Part::xdp_receive); }
    static bool guard(const auto& s, BufferId b, SockId) { return !s[b].written && s[b].lent == 0; }
    static void effect(auto& s, BufferId b, SockId sock) {
        ++s[b].lent;
        s[sock].fill_ring.push_back(b);
    }
};

// Finds a received packet in the rx ring: the frame is its own again, and the packet can be sent on
// from where it lies.
struct app_read_rx_ring {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"", "read the rx ring"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) { return world.models(Part::xdp_receive); }
    static bool guard(const auto& s, SockId sock) { return !s[sock].rx_ring.empty(); }
    static void effect(auto& s, SockId sock) {
        const BufferId b = s[sock].rx_ring.front();
        s[sock].rx_ring.pop_front();
        --s[b].lent;
        s[b].written = true;
    }
};

// Takes the frame for sent because sendto() returned (users.md E1).
struct app_reuses_frame {
    using Of = Ids<RequestId>;
    static constexpr KernelRef at{"", "sendto() returns"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) { return world.app == App::frame_early; }
    static bool guard(const auto& s, RequestId r) {
        return s[r].phase == Phase::issued && !s[r].app_done && s.api_of(r) == Api::af_xdp;
    }
    static void effect(auto& s, RequestId r) {
        app_takes_back(s, s[r].buffer);
        s[r].app_done = true;
    }
};

// Takes a frame from the completion ring.
struct app_reap_frame {
    using Of = Ids<SockId>;
    static constexpr KernelRef at{"", "read the completion ring"};
    static constexpr Context context = Context::application;

    static bool in(const World& world) {
        return world.models(Part::xdp) && world.app != App::never_reaps;
    }
    static bool guard(const auto& s, SockId sock) { return s[sock].published > 0; }
    static void effect(auto& s, SockId sock) {
        const RequestId r = s[sock].completion_ring.front();
        s[sock].completion_ring.pop_front();
        --s[sock].published;
        if (!s[r].app_done) app_takes_back(s, s[r].buffer);
        s.retire(r);
    }
};

// A device whose driver supports AF_XDP reads the frame.
struct xsk_device_dma {
    using Of = Ids<SkbId>;
    static constexpr KernelRef at{"", "DMA"};
    static constexpr Context context = Context::device;

    static bool in(const World& world) { return world.models(Part::xdp); }
    static bool guard(const auto& s, SkbId k) { return s[k].alive && s[k].loc == Loc::xdp_ring; }
    static void effect(auto& s, SkbId k) {
        kernel::read_pages(s, s[k].shinfo);
        s[k].loc = Loc::xdp_done;
    }
};

}  // namespace zcv::world
