#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace zcv {

// A name in a trace: an address, or two numbers.
inline std::uint64_t spread(std::uint64_t name) {
    return name * 0x9e3779b97f4a7c15U;
}
inline std::uint64_t spread(const std::pair<std::uint64_t, std::uint64_t>& name) {
    return spread(std::rotl(spread(name.first), 29) ^ name.second);
}

// What is known of each object by its name, in one piece of memory that is as large as the most
// that were there at once: a replay looks names up several times a record, and millions of objects
// come and go. Pointers to values hold until something is added or erased.
template <class Key, class Value>
class FlatMap {
  public:
    Value* find(const Key& key) {
        if (size_ == 0) return nullptr;
        Entry& entry = entries_[place_of(key)];
        return entry.used ? &entry.value : nullptr;
    }
    const Value* find(const Key& key) const { return const_cast<FlatMap*>(this)->find(key); }
    bool contains(const Key& key) const { return find(key) != nullptr; }
    std::size_t size() const { return size_; }

    // Its value, made if there was none, and whether it was made.
    std::pair<Value*, bool> insert(const Key& key) {
        if (2 * (size_ + 1) > mask_) grow();
        Entry& entry = entries_[place_of(key)];
        const bool is_new = !entry.used;
        if (is_new) {
            entry.key = key;
            entry.used = true;
            ++size_;
        }
        return {&entry.value, is_new};
    }
    Value& operator[](const Key& key) { return *insert(key).first; }

    void erase(const Key& key) {
        if (size_ == 0) return;
        std::size_t hole = place_of(key);
        if (!entries_[hole].used) return;
        --size_;
        // Those behind it that would not be found past a hole move up.
        for (std::size_t at = next(hole); entries_[at].used; at = next(at)) {
            const std::size_t from_home = (at - home_of(entries_[at].key)) & mask_;
            if (from_home < ((at - hole) & mask_)) continue;
            entries_[hole] = std::move(entries_[at]);
            hole = at;
        }
        std::destroy_at(&entries_[hole]);
        std::construct_at(&entries_[hole]);
    }

    template <class F>
    void for_each(F&& f) const {
        for (const Entry& entry : entries_)
            if (entry.used) f(entry.key, entry.value);
    }

  private:
    struct Entry {
        Key key{};
        Value value{};
        bool used = false;
    };

    std::size_t next(std::size_t at) const { return (at + 1) & mask_; }
    // The upper bits of a product depend on all of the name.
    std::size_t home_of(const Key& key) const { return spread(key) >> shift_; }
    // Where it is, or would be.
    std::size_t place_of(const Key& key) const {
        std::size_t at = home_of(key);
        while (entries_[at].used && entries_[at].key != key) at = next(at);
        return at;
    }
    void grow() {
        std::vector<Entry> old(entries_.empty() ? 16 : 2 * entries_.size());
        old.swap(entries_);
        mask_ = entries_.size() - 1;
        shift_ = static_cast<unsigned>(std::countl_zero(entries_.size()) + 1);
        for (Entry& entry : old)
            if (entry.used) entries_[place_of(entry.key)] = std::move(entry);
    }

    std::vector<Entry> entries_;  // a power of two
    std::size_t mask_ = 0;        // of places in it
    std::size_t size_ = 0;
    unsigned shift_ = 63;
};

}  // namespace zcv
