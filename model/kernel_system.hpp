#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/checker/system.hpp"
#include "model/fixed_store.hpp"
#include "model/next.hpp"
#include "model/packing.hpp"
#include "model/properties.hpp"
#include "model/symmetry.hpp"

// The kernel and its world as something to explore: the steps of next.hpp on the fixed-size store.
namespace zcv {

class KernelSystem {
  public:
    using State = FixedStore;
    using AnyVisit = std::function<void(checker::Taken, const State&)>;

    // Properties whose names begin with one of `unasked` are not checked; a number ends where its
    // digits end: "S1" is not S10-more-iff-notif. A scenario may ask a question behind a broken
    // one, or live in a world where the premise cannot come about. `claims_all` is of its symmetry.
    explicit KernelSystem(const World& world, const std::vector<std::string>& unasked = {},
                          bool claims_all = false)
        : world_(world),
          plan_(world_),
          present_(present_in(world_, Steps{})),
          symmetry_(world_, claims_all) {
        for (const KernelProperty& property : kernel_properties()) {
            bool asked = property.in == nullptr || property.in(world_);
            for (const std::string& name : unasked)
                asked = asked && !begins_with(property.name, name);
            if (asked) properties_.push_back(property);
        }
    }
    KernelSystem(const KernelSystem&) = delete;
    KernelSystem& operator=(const KernelSystem&) = delete;

    State initial() const { return FixedStore(world_); }
    std::size_t words() const { return plan_.words(); }

    void pack(const State& state, std::uint64_t* words) const { plan_.pack(state, words); }
    void pack_after(const State& before, const std::uint64_t* words_before, const State& after,
                    std::uint64_t* words) const {
        plan_.pack_after(before, words_before, after, words);
    }
    void unpack(const std::uint64_t* words, State& state) const { plan_.unpack(words, state); }

    const Symmetry& symmetry() const { return symmetry_; }
    void pack_representative(const State& state, std::uint64_t* words, bool) const {
        symmetry_.pack_representative(state, words);
    }
    void canonical(std::uint64_t* words, bool) const {
        State state(world_);
        unpack(words, state);
        symmetry_.pack_representative(state, words);
    }

    template <class Visit>
    void for_each_next(const State& state, Visit&& visit) const {
        each_step(state, visit, Steps{});
    }

    // Steps that may be taken before all others; defined in kernel_alone.cpp.
    bool for_each_alone(const State& state, const AnyVisit& visit, unsigned which = 0) const;
    bool names_alone() const;

    // Whether this world has the step at all: no guard of the others is ever asked.
    bool has_step(std::uint8_t step) const { return present_[step]; }

    std::span<const checker::StepInfo> steps() const;
    // A worker's request is issued by the worker, a retry by task work.
    std::string_view context(checker::Taken taken, const State& before) const;
    std::string params(checker::Taken taken) const;
    std::vector<checker::Field> fields(const State& state) const;
    std::span<const checker::Property<State>> properties() const { return properties_; }

  private:
    static bool begins_with(std::string_view property, const std::string& name) {
        const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
        if (!property.starts_with(name)) return false;
        const bool more = property.size() > name.size() && !name.empty();
        return !(more && is_digit(name.back()) && is_digit(property[name.size()]));
    }
    template <class Step>
    static bool exists_in(const World& world) {
        if constexpr (requires { Step::in(world); }) return Step::in(world);
        return true;
    }
    template <class... Step>
    static std::array<bool, sizeof...(Step)> present_in(const World& world, StepList<Step...>) {
        return {exists_in<Step>(world)...};
    }

    template <class Visit, class... Step>
    void each_step(const State& state, Visit& visit, StepList<Step...>) const {
        std::uint8_t number = 0;
        (each_instance<Step>(state, visit, number++, typename Step::Of{}), ...);
    }

    template <class Step, class Visit, class... Id>
    void each_instance(const State& state, Visit& visit, std::uint8_t step, Ids<Id...>) const {
        if (present_[step]) each_choice<Step, Id...>(state, visit, step);
    }
    // Binds the ids one by one, the first outermost.
    template <class Step, class Id, class... Later, class Visit, class... Bound>
    void each_choice(const State& state, Visit& visit, std::uint8_t step, Bound... bound) const {
        state.template for_each<Id>([&](Id id) {
            if constexpr (sizeof...(Later) == 0)
                try_step<Step>(state, visit, step, bound..., id);
            else
                each_choice<Step, Later...>(state, visit, step, bound..., id);
        });
    }

    template <class Step, class Visit, class... Id>
    void try_step(const State& state, Visit& visit, std::uint8_t step, Id... ids) const {
        if (!can<Step>(state, ids...)) return;
        State next = state;
        Step::effect(next, ids...);
        visit(checker::Taken{step, {static_cast<std::uint8_t>(index(ids))...}}, next);
    }

    World world_;
    FieldPlan plan_;
    std::array<bool, Steps::size> present_;
    Symmetry symmetry_;
    std::vector<checker::Property<State>> properties_;
};

static_assert(Steps::size <= 256, "checker::Taken numbers steps in one byte");

// For those who can bear an indirect call a successor: the steps take long to compile.
extern template void KernelSystem::for_each_next<const KernelSystem::AnyVisit&>(
    const State&, const AnyVisit&) const;

}  // namespace zcv
