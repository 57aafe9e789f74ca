#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "model/ensure.hpp"
#include "model/state.hpp"
#include "model/world/world.hpp"

// The store that exploration uses: arrays of fixed size, trivially copyable, no pointer in a state
// but the one to the world it belongs to, which never changes during a search.
namespace zcv {

struct FixedKind {
    using Count = std::uint8_t;

    template <class Id>
    class Ref {
      public:
        using id_type = Id;
        Ref() = default;
        Ref(Id id)
            : raw_(id == none<Id> ? std::uint8_t{0} : static_cast<std::uint8_t>(index(id) + 1)) {}
        operator Id() const { return raw_ == 0 ? none<Id> : Id{raw_ - 1u}; }
        std::uint8_t raw() const { return raw_; }
        void set_raw(std::uint8_t raw) { raw_ = raw; }

      private:
        std::uint8_t raw_ = 0;  // 0 is none, so that a freed object is all zeros
    };

    template <class Id>
    class Set {
      public:
        void insert(Id id) { bits_ = static_cast<std::uint8_t>(bits_ | bit(id)); }
        void erase(Id id) { bits_ = static_cast<std::uint8_t>(bits_ & ~bit(id)); }
        bool contains(Id id) const { return (bits_ & bit(id)) != 0; }
        bool empty() const { return bits_ == 0; }
        void clear() { bits_ = 0; }
        template <class F>
        void for_each(F&& f) const {
            for (unsigned left = bits_; left != 0; left &= left - 1)
                f(Id{static_cast<std::uint32_t>(std::countr_zero(left))});
        }
        std::uint8_t raw() const { return bits_; }
        void set_raw(std::uint8_t raw) { bits_ = raw; }

      private:
        static std::uint8_t bit(Id id) { return static_cast<std::uint8_t>(1u << index(id)); }
        std::uint8_t bits_ = 0;
    };

    template <class T>
    class Fifo {
      public:
        static constexpr std::size_t capacity = 8;
        bool empty() const { return count_ == 0; }
        std::size_t size() const { return count_; }
        const T& operator[](std::size_t i) const { return slots_[i]; }
        T& operator[](std::size_t i) { return slots_[i]; }
        const T& front() const { return slots_[0]; }
        const T& back() const { return slots_[count_ - 1u]; }
        void push_back(const T& value) {
            ZCV_CHECK(count_ < capacity);
            slots_[count_++] = value;
        }
        void pop_front() {
            ZCV_CHECK(count_ > 0);
            std::copy(slots_.begin() + 1, slots_.begin() + count_, slots_.begin());
            slots_[--count_] = T{};
        }
        void clear() { *this = Fifo{}; }
        void resize(std::size_t n) { count_ = static_cast<std::uint8_t>(n); }
        const std::uint8_t* count_byte() const { return &count_; }

      private:
        std::uint8_t count_ = 0;
        std::array<T, capacity> slots_{};
    };
};

// How many of each noun a state of this store can hold at most. The world's bounds say how many of
// them a scenario uses; the packed state spends bits only on those.
struct Capacity {
    static constexpr std::uint32_t buffers = 3, requests = 4, ubufs = 4, shinfos = 6, skbs = 8,
                                   socks = 2, rings = 2, slots = 2, tasks = 1;
};

class FixedStore {
    auto& objects(BufferId) { return buffers_; }
    auto& objects(RequestId) { return requests_; }
    auto& objects(UbufId) { return ubufs_; }
    auto& objects(ShinfoId) { return shinfos_; }
    auto& objects(SkbId) { return skbs_; }
    auto& objects(SockId) { return socks_; }
    auto& objects(RingId) { return rings_; }
    auto& objects(TaskId) { return tasks_; }
    auto& objects(SlotId) { return slots_; }
    const auto& objects(BufferId) const { return buffers_; }
    const auto& objects(RequestId) const { return requests_; }
    const auto& objects(UbufId) const { return ubufs_; }
    const auto& objects(ShinfoId) const { return shinfos_; }
    const auto& objects(SkbId) const { return skbs_; }
    const auto& objects(SockId) const { return socks_; }
    const auto& objects(RingId) const { return rings_; }
    const auto& objects(TaskId) const { return tasks_; }
    const auto& objects(SlotId) const { return slots_; }

  public:
    using Kind = FixedKind;

    FixedStore() = default;
    explicit FixedStore(const World& world) : world_(&world) {}

    const World& world() const { return *world_; }

    // A dangling name is our bug: it stops the search instead of reading what lies beside.
    template <class Id>
    auto& operator[](Id id) {
        ZCV_CHECK(index(id) < objects(id).size());
        return objects(id)[index(id)];
    }
    template <class Id>
    const auto& operator[](Id id) const {
        ZCV_CHECK(index(id) < objects(id).size());
        return objects(id)[index(id)];
    }

    template <class Id>
    auto& operator[](FixedKind::Ref<Id> ref) {
        return (*this)[static_cast<Id>(ref)];
    }
    template <class Id>
    const auto& operator[](FixedKind::Ref<Id> ref) const {
        return (*this)[static_cast<Id>(ref)];
    }

    // Calls f(id) for every object of the noun that this world has, freed ones included.
    template <class Id, class F>
    void for_each(F&& f) const {
        for (std::uint32_t i = 0; i < count(Id{}); ++i) f(Id{i});
    }
    template <class Id, class F>
    bool any(F&& f) const {
        for (std::uint32_t i = 0; i < count(Id{}); ++i)
            if (f(Id{i})) return true;
        return false;
    }

    // Whether make() would find a free object: the bound of the world, not of the protocol.
    template <class Id>
    bool room() const {
        return free_one<Id>() != none<Id>;
    }

    // The lowest free object, alive and otherwise zero.
    template <class Id>
    Id make() {
        const Id id = free_one<Id>();
        ZCV_CHECK(id != none<Id>);
        (*this)[id].alive = true;
        return id;
    }
    template <class Id>
    void free(Id id) {
        (*this)[id] = {};
    }

    // A request slot belongs to the application, which uses it again: only its life ends.
    void retire(RequestId id) { (*this)[id] = {}; }

    std::uint32_t count(BufferId) const { return world_->bounds.buffers; }
    std::uint32_t count(RequestId) const { return world_->bounds.requests; }
    std::uint32_t count(UbufId) const { return world_->bounds.ubufs; }
    std::uint32_t count(ShinfoId) const { return world_->bounds.shinfos; }
    std::uint32_t count(SkbId) const { return world_->bounds.skbs; }
    std::uint32_t count(SockId) const { return static_cast<std::uint32_t>(world_->socks.size()); }
    std::uint32_t count(RingId) const { return world_->bounds.rings; }
    std::uint32_t count(TaskId) const { return Capacity::tasks; }
    std::uint32_t count(SlotId) const { return world_->bounds.slots; }

    // Through which call a request hands its data in: they are dealt out in turn.
    Api api_of(RequestId r) const { return world_->apis[index(r) % world_->apis.size()]; }
    bool cq_full(RingId ring) const { return (*this)[ring].cq.size() >= world_->bounds.cq_entries; }
    // Which ring a request is submitted to: they are dealt out in turn.
    RingId ring_of(RequestId r) const { return RingId{index(r) % world_->bounds.rings}; }
    // Which slot its application names for it, likewise.
    SlotId slot_of(RequestId r) const { return SlotId{index(r) % world_->bounds.slots}; }
    const SockConfig& config(SockId sock) const { return world_->socks[index(sock)]; }

    // Hands every field of every noun to f, in one order: fields() of each object in turn.
    template <class F>
    void visit(F& f) {
        visit_in(f, [](auto id) { return id; });
    }
    // The same with the objects of each noun in another order: at(id) is who comes at id's place.
    template <class F, class At>
    void visit_in(F& f, At&& at) {
        visit_nouns<BufferId, RequestId, UbufId, ShinfoId, SkbId, SockId, RingId, SlotId, TaskId>(
            f, at);
    }

  private:
    template <class... Id, class F, class At>
    void visit_nouns(F& f, At& at) {
        (visit_noun<Id>(f, at), ...);
    }
    template <class Id, class F, class At>
    void visit_noun(F& f, At& at) {
        for (std::uint32_t i = 0; i < count(Id{}); ++i) {
            const Id id = at(Id{i});
            f.object(id);
            (*this)[id].fields(f);
        }
    }

    template <class Id>
    Id free_one() const {
        for (std::uint32_t i = 0; i < count(Id{}); ++i)
            if (!(*this)[Id{i}].alive) return Id{i};
        return none<Id>;
    }

    const World* world_ = nullptr;
    std::array<Buffer<FixedKind>, Capacity::buffers> buffers_{};
    std::array<Request<FixedKind>, Capacity::requests> requests_{};
    std::array<Ubuf<FixedKind>, Capacity::ubufs> ubufs_{};
    std::array<Shinfo<FixedKind>, Capacity::shinfos> shinfos_{};
    std::array<Skb<FixedKind>, Capacity::skbs> skbs_{};
    std::array<Sock<FixedKind>, Capacity::socks> socks_{};
    std::array<Ring<FixedKind>, Capacity::rings> rings_{};
    std::array<Task<FixedKind>, Capacity::tasks> tasks_{};
    std::array<Slot<FixedKind>, Capacity::slots> slots_{};
};

static_assert(std::is_trivially_copyable_v<FixedStore>);

}  // namespace zcv
