#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "model/checker/system.hpp"
#include "model/fixed_store.hpp"

// What can be done with a noun's list of fields: measure it, write it to packed words, read it
// back, put it into words for people. Widths follow from the world's bounds, so no bit is spent on
// a value that a scenario cannot reach.
namespace zcv {

// How large each kind of field can get in a world.
class FieldBounds {
  public:
    explicit FieldBounds(const World& world) : world_(&world) {}

    bool models(Part part) const { return world_->models(part); }
    std::uint32_t buffers() const { return world_->bounds.buffers; }
    std::uint32_t requests() const { return world_->bounds.requests; }
    std::uint32_t ubufs() const { return world_->bounds.ubufs; }
    std::uint32_t skbs() const { return world_->bounds.skbs; }
    std::uint32_t memlock() const { return world_->bounds.memlock; }
    // One for every shared info whose frags hold it, one for its registration.
    std::uint32_t page_refs() const { return world_->bounds.shinfos + 1; }
    std::uint32_t cq_entries() const { return world_->bounds.cq_entries; }
    // Ids run from 0 to one below; a count of them can be all.
    std::uint32_t ids() const { return world_->bounds.ids; }
    std::uint32_t omem() const { return world_->bounds.omem; }
    std::uint32_t seqs() const { return world_->bounds.seqs - 1; }
    // A request has at most its own CQE, its notification's and that of a cancel under way.
    std::uint32_t cqes() const {
        return (world_->models(Part::stops) ? 3 : 2) * world_->bounds.requests;
    }
    // The owner, a syscall, every shinfo, every other member of the chain.
    std::uint32_t refs() const { return 1 + 1 + world_->bounds.shinfos + world_->bounds.ubufs; }

    std::uint32_t of(BufferId) const { return world_->bounds.buffers; }
    std::uint32_t of(RequestId) const { return world_->bounds.requests; }
    std::uint32_t of(UbufId) const { return world_->bounds.ubufs; }
    std::uint32_t of(ShinfoId) const { return world_->bounds.shinfos; }
    std::uint32_t of(SkbId) const { return world_->bounds.skbs; }
    std::uint32_t of(SockId) const { return static_cast<std::uint32_t>(world_->socks.size()); }
    std::uint32_t of(RingId) const { return world_->bounds.rings; }
    std::uint32_t of(TaskId) const { return 1; }
    std::uint32_t of(SlotId) const { return world_->bounds.slots; }

  private:
    const World* world_;
};

constexpr unsigned bits_for(std::uint32_t max) {
    return static_cast<unsigned>(std::bit_width(max));
}

// Turns every field into one call of Derived::bits(value, width), by reference; or, of a Derived
// that has it, of place(where the field's byte is, width).
template <class Derived>
class FieldCodec : public FieldBounds {
  public:
    using FieldBounds::FieldBounds;

    template <class Id>
    void object(Id) {}
    void flag(std::string_view, bool& value) { value = code(&value, value ? 1u : 0u, 1) != 0; }
    void count(std::string_view, std::uint8_t& value, std::uint32_t max) {
        value = static_cast<std::uint8_t>(code(&value, value, bits_for(max)));
    }
    template <class E, std::size_t N>
    void choice(std::string_view, E& value, const std::array<const char*, N>&) {
        static_assert(sizeof(E) == 1);
        value = static_cast<E>(code(&value, static_cast<std::uint32_t>(value), bits_for(N - 1)));
    }
    template <class Id>
    void ref(std::string_view, FixedKind::Ref<Id>& value) {
        const std::uint8_t name = static_cast<Derived&>(*this).name(value);
        value.set_raw(static_cast<std::uint8_t>(code(&value, name, bits_for(of(Id{})))));
    }
    template <class Id>
    void set(std::string_view, FixedKind::Set<Id>& value) {
        const std::uint8_t names = static_cast<Derived&>(*this).names(value);
        value.set_raw(static_cast<std::uint8_t>(code(&value, names, of(Id{}))));
    }
    // A codec that renames objects has its own of these two.
    template <class Id>
    std::uint8_t name(FixedKind::Ref<Id> ref) const {
        return ref.raw();
    }
    template <class Id>
    std::uint8_t names(const FixedKind::Set<Id>& set) const {
        return set.raw();
    }
    template <class T>
    void fifo(std::string_view name, FixedKind::Fifo<T>& value, std::uint32_t max) {
        value.resize(
            code(value.count_byte(), static_cast<std::uint32_t>(value.size()), bits_for(max)));
        for (std::uint32_t i = 0; i < max; ++i) entry(name, value[i]);
    }

  private:
    template <class Id>
    void entry(std::string_view name, FixedKind::Ref<Id>& value) {
        ref(name, value);
    }
    void entry(std::string_view name, Cqe<FixedKind>& value) {
        ref(name, value.request);
        choice(name, value.kind, cqe_kind_names);
        if (!models(Part::slots)) return;
        ref(name, value.slot);
        count(name, value.seq, seqs());
    }
    void entry(std::string_view name, ErrRange<FixedKind>& value) {
        count(name, value.lo, ids());
        count(name, value.hi, ids());
        flag(name, value.copied);
    }
    std::uint32_t code(const void* byte, std::uint32_t value, unsigned width) {
        if constexpr (requires { &Derived::place; }) {
            static_cast<Derived&>(*this).place(byte, width);
            return value;
        } else {
            return static_cast<Derived&>(*this).bits(value, width);
        }
    }
};

// Where each field of a world's states is, in the store and in the words. It is worked out once, so
// that packing asks nothing of a field: every one of them is a byte of the store.
class FieldPlan : public FieldCodec<FieldPlan> {
  public:
    // The world must outlive the plan.
    explicit FieldPlan(const World& world) : FieldCodec(world), empty_(world) {
        empty_.visit(*this);
        std::vector<Field> by_offset = fields_;
        std::ranges::stable_sort(by_offset, {}, &Field::offset);
        for (const Field& field : by_offset) {
            const auto offset = static_cast<std::uint16_t>(field.offset / sizeof(std::uint64_t) *
                                                           sizeof(std::uint64_t));
            if (parts_.empty() || parts_.back().offset != offset) parts_.push_back({offset, {}});
            parts_.back().fields.push_back(field);
        }
    }

    std::size_t words() const { return (bits_ + 63) / 64; }

    void pack(const FixedStore& state, std::uint64_t* words) const {
        std::fill_n(words, this->words(), 0);
        add_changes(empty_, state, words);
    }
    // The same of a successor: a step changes few fields, and only they are written anew.
    void pack_after(const FixedStore& before, const std::uint64_t* words_before,
                    const FixedStore& after, std::uint64_t* words) const {
        std::copy_n(words_before, this->words(), words);
        add_changes(before, after, words);
    }

    void unpack(const std::uint64_t* words, FixedStore& state) const {
        state = empty_;
        auto* const bytes = reinterpret_cast<std::uint8_t*>(&state);
        for (const Field& field : fields_) {
            const unsigned end = unsigned{field.shift} + field.width;
            std::uint64_t value = words[field.word] >> field.shift;
            if (end > 64) value |= words[field.word + 1] << (64 - field.shift);
            bytes[field.offset] =
                static_cast<std::uint8_t>(value & ((std::uint64_t{1} << field.width) - 1));
        }
    }

    void place(const void* byte, unsigned width) {
        const auto offset =
            static_cast<const std::byte*>(byte) - reinterpret_cast<const std::byte*>(&empty_);
        ZCV_CHECK(width <= 8 && offset >= 0 && offset < std::ptrdiff_t{sizeof(FixedStore)});
        if (width > 0)
            fields_.push_back(
                {static_cast<std::uint16_t>(offset), static_cast<std::uint16_t>(bits_ / 64),
                 static_cast<std::uint8_t>(bits_ % 64), static_cast<std::uint8_t>(width)});
        bits_ += width;
    }

  private:
    struct Field {
        std::uint16_t offset;  // bytes, in the store
        std::uint16_t word;    // where its lowest bit is
        std::uint8_t shift;
        std::uint8_t width;  // bits
    };
    // Eight bytes of the store, compared at once.
    struct Part {
        std::uint16_t offset;
        std::vector<Field> fields;
    };

    // `words` are those of `before` and become those of `after`.
    void add_changes(const FixedStore& before, const FixedStore& after,
                     std::uint64_t* words) const {
        const auto* const old_bytes = reinterpret_cast<const std::uint8_t*>(&before);
        const auto* const new_bytes = reinterpret_cast<const std::uint8_t*>(&after);
        for (const Part& part : parts_) {
            if (std::memcmp(old_bytes + part.offset, new_bytes + part.offset,
                            sizeof(std::uint64_t)) == 0)
                continue;
            for (const Field& field : part.fields) {
                const std::uint64_t value = new_bytes[field.offset];
                ZCV_CHECK(value >> field.width == 0);
                const std::uint64_t change = value ^ old_bytes[field.offset];
                words[field.word] ^= change << field.shift;
                if (field.shift + field.width > 64)
                    words[field.word + 1] ^= change >> (64 - field.shift);
            }
        }
    }

    FixedStore empty_;
    std::vector<Field> fields_;  // in the order of the words
    std::vector<Part> parts_;    // the same, in the order of the store
    std::size_t bits_ = 0;
};

class FieldWriter : public FieldCodec<FieldWriter> {
  public:
    FieldWriter(const World& world, std::uint64_t* words) : FieldCodec(world), words_(words) {}
    ~FieldWriter() {
        if (used_ > 0) *words_ = word_;
    }
    FieldWriter(const FieldWriter&) = delete;
    FieldWriter& operator=(const FieldWriter&) = delete;

    std::uint32_t bits(std::uint32_t value, unsigned width) {
        ZCV_CHECK(width == 32 || value >> width == 0);
        word_ |= std::uint64_t{value} << used_;
        used_ += width;
        if (used_ >= 64) {
            *words_++ = word_;
            used_ -= 64;
            word_ = used_ == 0 ? 0 : std::uint64_t{value} >> (width - used_);
        }
        return value;
    }

  private:
    std::uint64_t* words_;
    std::uint64_t word_ = 0;
    unsigned used_ = 0;
};

// The bounds for whoever looks at fields without counting bits: every part, no limit.
struct AnyBounds {
    bool models(Part) const { return true; }
    std::uint32_t buffers() const { return 0; }
    std::uint32_t requests() const { return 0; }
    std::uint32_t memlock() const { return 0; }
    std::uint32_t ubufs() const { return 0; }
    std::uint32_t page_refs() const { return 0; }
    std::uint32_t skbs() const { return 0; }
    std::uint32_t cq_entries() const { return 0; }
    std::uint32_t cqes() const { return 0; }
    std::uint32_t refs() const { return 0; }
    std::uint32_t ids() const { return 0; }
    std::uint32_t omem() const { return 0; }
    std::uint32_t seqs() const { return 0; }
};

// Puts fields into words. Objects whose `alive` is false are left out.
class FieldLister : public AnyBounds {
  public:
    template <class Id>
    void object(Id id) {
        noun_ = std::string(noun_of(id)) + " " + std::to_string(index(id));
        dead_ = false;
    }
    void flag(std::string_view name, bool value) {
        if (name == "alive") {
            dead_ = !value;
            add(name, "yes", true);
        } else {
            add(name, value ? "yes" : "no", !value);
        }
    }
    template <class C>
    void count(std::string_view name, C value, std::uint32_t) {
        add(name, std::to_string(value), value == 0);
    }
    template <class E, std::size_t N>
    void choice(std::string_view name, E value, const std::array<const char*, N>& names) {
        add(name, names[static_cast<std::size_t>(value)], value == E{});
    }
    template <class R>
    void ref(std::string_view name, const R& value) {
        const typename R::id_type id = value;
        add(name, text(value), id == none<typename R::id_type>);
    }
    template <class Set>
    void set(std::string_view name, const Set& value) {
        std::string all;
        value.for_each([&](auto id) { append(all, std::to_string(index(id))); });
        add(name, "{" + all + "}", all.empty());
    }
    template <class Fifo>
    void fifo(std::string_view name, const Fifo& value, std::uint32_t) {
        std::string all;
        for (std::size_t i = 0; i < value.size(); ++i) append(all, entry(value[i]));
        add(name, "[" + all + "]", all.empty());
    }

    std::vector<checker::Field> take() { return std::move(fields_); }

  private:
    static void append(std::string& all, const std::string& one) {
        if (!all.empty()) all += ' ';
        all += one;
    }
    template <class R>
    static std::string text(const R& ref) {
        const typename R::id_type id = ref;
        return id == none<typename R::id_type> ? "-" : std::to_string(index(id));
    }
    template <class K>
    static std::string entry(const Cqe<K>& cqe) {
        const std::string kind = cqe_kind_names[static_cast<std::size_t>(cqe.kind)];
        if (static_cast<SlotId>(cqe.slot) != none<SlotId>)
            return kind + ":slot " + text(cqe.slot) + "#" + std::to_string(cqe.seq);
        return kind + ":" + text(cqe.request);
    }
    template <class K>
    static std::string entry(const ErrRange<K>& range) {
        return std::to_string(range.lo) + ".." + std::to_string(range.hi) +
               (range.copied ? ":copied" : "");
    }
    template <class R>
    static std::string entry(const R& ref) {
        return text(ref);
    }
    void add(std::string_view name, std::string value, bool at_rest) {
        if (!dead_) fields_.push_back({noun_, std::string(name), std::move(value), at_rest});
    }

    std::vector<checker::Field> fields_;
    std::string noun_;
    bool dead_ = false;
};

}  // namespace zcv
