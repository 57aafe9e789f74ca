#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "model/ensure.hpp"
#include "model/state.hpp"
#include "model/world/world.hpp"

// The store that replay uses: it grows with what is in flight in a real trace, thousands of skbs
// and chains of hundreds of notifications. The steps are the same code as on the fixed-size store.
namespace zcv {

struct GrowingKind {
    using Count = std::uint32_t;

    template <class Id>
    class Ref {
      public:
        using id_type = Id;
        Ref() = default;
        Ref(Id id) : id_(id) {}
        operator Id() const { return id_; }

      private:
        Id id_ = none<Id>;
    };

    template <class Id>
    class Set {
      public:
        void insert(Id id) {
            if (!contains(id)) ids_.push_back(id);
        }
        void erase(Id id) { ids_.erase(std::remove(ids_.begin(), ids_.end(), id), ids_.end()); }
        bool contains(Id id) const { return std::ranges::find(ids_, id) != ids_.end(); }
        bool empty() const { return ids_.empty(); }
        void clear() { ids_.clear(); }
        template <class F>
        void for_each(F&& f) const {
            for (const Id id : ids_) f(id);
        }

      private:
        boost::container::small_vector<Id, 4> ids_;  // mostly few: without memory of their own
    };

    // A ring in one piece of memory, as large as the most that were in it at once.
    template <class T>
    class Fifo {
      public:
        bool empty() const { return size_ == 0; }
        std::size_t size() const { return size_; }
        const T& operator[](std::size_t i) const { return items_[place_of(i)]; }
        T& operator[](std::size_t i) { return items_[place_of(i)]; }
        const T& front() const { return items_[first_]; }
        const T& back() const { return items_[place_of(size_ - 1)]; }
        void push_back(T value) {
            if (size_ == items_.size()) grow();
            items_[place_of(size_++)] = value;
        }
        void pop_front() {
            first_ = place_of(1);
            --size_;
        }
        void clear() { first_ = size_ = 0; }

      private:
        std::size_t place_of(std::size_t i) const { return (first_ + i) & (items_.size() - 1); }
        void grow() {
            std::vector<T> larger(items_.empty() ? 4 : 2 * items_.size());
            for (std::size_t i = 0; i < size_; ++i) larger[i] = (*this)[i];
            items_ = std::move(larger);
            first_ = 0;
        }

        std::vector<T> items_;  // a power of two
        std::size_t first_ = 0;
        std::size_t size_ = 0;
    };
};

class GrowingStore {
    template <class Noun>
    struct Pool {
        std::vector<Noun> objects;
        std::vector<std::uint32_t> free;

        std::uint32_t take() {
            if (free.empty()) {
                objects.emplace_back();
                return static_cast<std::uint32_t>(objects.size() - 1);
            }
            const std::uint32_t at = free.back();
            free.pop_back();
            return at;
        }
        void give_back(std::uint32_t at) {
            std::destroy_at(&objects[at]);
            std::construct_at(&objects[at]);
            free.push_back(at);
        }
    };

    struct Call {
        Api api;
        SlotId slot;
    };

    auto& pool(BufferId) { return buffers_; }
    auto& pool(RequestId) { return requests_; }
    auto& pool(UbufId) { return ubufs_; }
    auto& pool(ShinfoId) { return shinfos_; }
    auto& pool(SkbId) { return skbs_; }
    auto& pool(SockId) { return socks_; }
    auto& pool(RingId) { return rings_; }
    auto& pool(TaskId) { return tasks_; }
    auto& pool(SlotId) { return slots_; }
    const auto& pool(BufferId) const { return buffers_; }
    const auto& pool(RequestId) const { return requests_; }
    const auto& pool(UbufId) const { return ubufs_; }
    const auto& pool(ShinfoId) const { return shinfos_; }
    const auto& pool(SkbId) const { return skbs_; }
    const auto& pool(SockId) const { return socks_; }
    const auto& pool(RingId) const { return rings_; }
    const auto& pool(TaskId) const { return tasks_; }
    const auto& pool(SlotId) const { return slots_; }

  public:
    using Kind = GrowingKind;

    explicit GrowingStore(World world) : world_(std::move(world)) { tasks_.take(); }

    const World& world() const { return world_; }

    template <class Id>
    auto& operator[](Id id) {
        return pool(id).objects[index(id)];
    }
    template <class Id>
    const auto& operator[](Id id) const {
        return pool(id).objects[index(id)];
    }
    template <class Id>
    auto& operator[](GrowingKind::Ref<Id> ref) {
        return (*this)[static_cast<Id>(ref)];
    }
    template <class Id>
    const auto& operator[](GrowingKind::Ref<Id> ref) const {
        return (*this)[static_cast<Id>(ref)];
    }

    // Visits free slots too; they are zero, which no step takes for an object.
    template <class Id, class F>
    void for_each(F&& f) const {
        const std::size_t count = pool(Id{}).objects.size();
        for (std::uint32_t i = 0; i < count; ++i) f(Id{i});
    }

    template <class Id, class F>
    bool any(F&& f) const {
        const std::size_t count = pool(Id{}).objects.size();
        for (std::uint32_t i = 0; i < count; ++i)
            if (f(Id{i})) return true;
        return false;
    }

    template <class Id>
    bool room() const {
        return true;
    }

    template <class Id>
    Id make() {
        const Id id{pool(Id{}).take()};
        (*this)[id].alive = true;
        newest_ = index(id);
        return id;
    }
    // The object of the last make(): how a replay learns the name of what a step brought about.
    std::uint32_t newest() const { return newest_; }
    template <class Id>
    void free(Id id) {
        pool(id).give_back(index(id));
    }
    void retire(RequestId id) { free(id); }

    // What a trace brings into the world as it goes.
    void add_api(Api api) {
        if (!world_.has(api)) world_.apis.push_back(api);
    }
    BufferId add_buffer() { return BufferId{buffers_.take()}; }
    RingId add_ring() { return RingId{rings_.take()}; }
    SlotId add_slot() { return SlotId{slots_.take()}; }
    RequestId add_request(RingId ring, Api api = Api::send_zc, SlotId slot = none<SlotId>) {
        const RequestId r{requests_.take()};
        (*this)[r].ring = ring;
        calls_.resize(std::max<std::size_t>(calls_.size(), index(r) + 1));
        calls_[index(r)] = {api, slot};
        return r;
    }
    SockId add_sock(const SockConfig& config) {
        const SockId sock{socks_.take()};
        world_.socks.resize(std::max<std::size_t>(world_.socks.size(), index(sock) + 1));
        world_.socks[index(sock)] = config;
        return sock;
    }

    RingId ring_of(RequestId r) const { return (*this)[r].ring; }
    Api api_of(RequestId r) const { return calls_[index(r)].api; }
    SlotId slot_of(RequestId r) const { return calls_[index(r)].slot; }
    const SockConfig& config(SockId sock) const { return world_.socks[index(sock)]; }

    // How many CQEs the application has not read is invisible; the trace tells when there was no
    // room.
    bool cq_full(RingId ring) const { return full_ring_ == ring; }
    void set_cq_full(RingId ring) { full_ring_ = ring; }

    // So are the bytes that a ubuf of MSG_ZEROCOPY covers: from so many calls on it takes no more.
    void set_calls_per_ubuf(std::uint32_t calls) { world_.bounds.calls_per_ubuf = calls; }

  private:
    World world_;
    std::vector<Call> calls_;  // by RequestId
    RingId full_ring_ = none<RingId>;
    std::uint32_t newest_ = 0;
    Pool<Buffer<GrowingKind>> buffers_;
    Pool<Request<GrowingKind>> requests_;
    Pool<Ubuf<GrowingKind>> ubufs_;
    Pool<Shinfo<GrowingKind>> shinfos_;
    Pool<Skb<GrowingKind>> skbs_;
    Pool<Sock<GrowingKind>> socks_;
    Pool<Ring<GrowingKind>> rings_;
    Pool<Task<GrowingKind>> tasks_;
    Pool<Slot<GrowingKind>> slots_;
};

}  // namespace zcv
