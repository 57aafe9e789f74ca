#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/fixed_store.hpp"
#include "model/packing.hpp"

// Objects that differ in their names only. A name is an index, and no step asks for more than
// whether two names are the same; so exchanging names in a state exchanges them in all that follows
// from it. Of all states that become each other by that, one stands for the rest.
//
// Objects that the kernel allocates (ubufs, shared infos, skbs) can always be exchanged: where one
// lies was decided by which place was free. Buffers, requests, sockets, rings and slots can be
// where the world treats them alike; told_apart() says which it does not, and why.
namespace zcv {

// Every object that a state can have has a number: those of a noun lie together.
namespace object_numbers {
inline constexpr std::array<std::uint32_t, 9> counts{
    Capacity::buffers, Capacity::requests, Capacity::ubufs, Capacity::shinfos, Capacity::skbs,
    Capacity::socks,   Capacity::rings,    Capacity::slots, Capacity::tasks};
constexpr unsigned noun(BufferId) {
    return 0;
}
constexpr unsigned noun(RequestId) {
    return 1;
}
constexpr unsigned noun(UbufId) {
    return 2;
}
constexpr unsigned noun(ShinfoId) {
    return 3;
}
constexpr unsigned noun(SkbId) {
    return 4;
}
constexpr unsigned noun(SockId) {
    return 5;
}
constexpr unsigned noun(RingId) {
    return 6;
}
constexpr unsigned noun(SlotId) {
    return 7;
}
constexpr unsigned noun(TaskId) {
    return 8;
}
constexpr std::uint32_t before(std::size_t noun) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < noun; ++i) sum += counts[i];
    return sum;
}
inline constexpr std::uint32_t all = before(counts.size());
template <class Id>
constexpr std::uint32_t of(Id id) {
    return before(noun(id)) + index(id);
}
}  // namespace object_numbers

// Who is called what: of each noun, at place i is the object that is called at(noun)[i] so far.
struct Naming {
    using Places = std::array<std::uint8_t, 8>;
    static constexpr Places as_they_are{0, 1, 2, 3, 4, 5, 6, 7};

    Naming() { order.fill(as_they_are); }
    std::array<Places, object_numbers::counts.size()> order;

    Naming reversed() const {
        Naming other;
        for (std::size_t noun = 0; noun < order.size(); ++noun)
            for (std::uint8_t i = 0; i < order[noun].size(); ++i)
                other.order[noun][order[noun][i]] = i;
        return other;
    }
    friend bool operator==(const Naming&, const Naming&) = default;
};

// Writes a state as it looks under other names. To be used with FixedStore::visit_in().
class RenamingWriter : public FieldCodec<RenamingWriter> {
  public:
    RenamingWriter(const World& world, const Naming& naming, std::uint64_t* words)
        : FieldCodec(world), now_(naming.reversed()), writer_(world, words) {}

    std::uint32_t bits(std::uint32_t value, unsigned width) { return writer_.bits(value, width); }
    template <class Id>
    std::uint8_t name(FixedKind::Ref<Id> ref) const {
        if (ref.raw() == 0) return 0;
        return static_cast<std::uint8_t>(places<Id>()[ref.raw() - 1u] + 1);
    }
    template <class Id>
    std::uint8_t names(const FixedKind::Set<Id>& set) const {
        FixedKind::Set<Id> renamed;
        set.for_each([&](Id id) { renamed.insert(Id{places<Id>()[index(id)]}); });
        return renamed.raw();
    }

  private:
    template <class Id>
    const Naming::Places& places() const {
        return now_.order[object_numbers::noun(Id{})];
    }
    Naming now_;
    FieldWriter writer_;
};

// A noun of which a world's objects are no equals, though there are several.
struct ToldApart {
    std::string_view noun;
    bool (*when)(const World&);
    std::string_view because;
};

std::vector<ToldApart> told_apart(const World& world);

// The symmetry of a world.
class Symmetry {
  public:
    // `claims_all`: as if nothing were told apart. For tests: a wrong declaration must be noticed.
    explicit Symmetry(const World& world, bool claims_all = false);

    // Exact: two states have the same representative if and only if exchanging names makes one of
    // the other.
    void pack_representative(const FixedStore& state, std::uint64_t* words) const;
    void pack_renamed(const FixedStore& state, const Naming& naming, std::uint64_t* words) const;

    // How buffers, requests, sockets, rings and slots may be exchanged: every way, the first of
    // which is to leave all as it is. What the kernel allocates can be exchanged besides.
    std::vector<Naming> exchanges() const;

  private:
    class Looks;
    // Objects of one noun and colour that are no equals.
    struct Tie {
        unsigned noun;
        std::uint64_t colour;
    };
    using Colours = std::array<std::uint64_t, object_numbers::all>;

    bool keeps_roles(const Naming& naming) const;
    Colours roles() const;
    Naming named_by(const Looks& looks, const Colours& colours) const;
    void search(const FixedStore& state, const Looks& looks, Colours colours, std::uint64_t* least,
                bool& found) const;

    const World* world_;
    std::size_t words_;
    bool claims_all_;
    std::array<std::uint32_t, object_numbers::counts.size()> counts_{};
    std::array<bool, object_numbers::counts.size()> apart_{};  // nouns
    // Requests, rings and slots are dealt out to each other in turn: where that matters, these are
    // the ways to exchange them that keep who belongs to whom. Empty: requests may be sorted.
    std::vector<Naming> dealt_;
    Colours roles_{};
};

}  // namespace zcv
