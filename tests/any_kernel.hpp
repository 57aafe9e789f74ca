#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/kernel_scenarios.hpp"
#include "model/kernel_system.hpp"

// The kernel model as a system whose successors can be changed before anybody sees them: a step
// that forgets a reference, say. A checker that does not notice is no checker.
namespace zcv::test {

// Every field of a state, part of its world or not, one byte each: no width is computed from
// bounds.
class EveryField : public AnyBounds {
  public:
    template <class Id>
    void object(Id) {}
    void flag(std::string_view, bool value) { add(value ? 1 : 0); }
    template <class... Bound>
    void count(std::string_view, std::uint8_t value, Bound...) {
        add(value);
    }
    template <class E, std::size_t N>
    void choice(std::string_view, E value, const std::array<const char*, N>&) {
        add(static_cast<std::uint8_t>(value));
    }
    template <class Id>
    void ref(std::string_view, const FixedKind::Ref<Id>& value) {
        add(value.raw());
    }
    template <class Id>
    void set(std::string_view, const FixedKind::Set<Id>& value) {
        add(value.raw());
    }
    template <class T, class... Bound>
    void fifo(std::string_view, const FixedKind::Fifo<T>& value, Bound...) {
        const auto* const bytes = reinterpret_cast<const char*>(&value);
        static_assert(std::has_unique_object_representations_v<FixedKind::Fifo<T>>);
        text_.append(bytes, sizeof value);
    }
    std::string take() { return std::move(text_); }

  private:
    void add(std::uint8_t byte) { text_ += static_cast<char>(byte); }
    std::string text_;
};

class AnyKernel {
  public:
    using State = FixedStore;
    using Visit = KernelSystem::AnyVisit;
    // Gets the state before a step, the one after, which it may change, and the step by name and
    // ids. False takes the step away altogether.
    using Mutate = std::function<bool(const State& before, State& after, std::string_view step,
                                      const checker::Taken& taken)>;

    explicit AnyKernel(const World& world, const std::vector<std::string>& unasked = {},
                       Mutate mutate = {})
        : system_(world, unasked), mutate_(std::move(mutate)) {}

    State initial() const { return system_.initial(); }
    std::size_t words() const { return system_.words(); }
    void pack(const State& state, std::uint64_t* words) const { system_.pack(state, words); }
    void unpack(const std::uint64_t* words, State& state) const { system_.unpack(words, state); }
    std::string bytes(const State& state) const {
        EveryField fields;
        State copy = state;
        copy.visit(fields);
        return fields.take();
    }
    // One instance of the steps for every visitor: they are what takes long to compile.
    void for_each_next(const State& state, const Visit& visit) const {
        if (!mutate_) return system_.for_each_next<const Visit&>(state, visit);
        const Visit changing = [&](checker::Taken taken, const State& after) {
            State changed = after;
            if (mutate_(state, changed, system_.steps()[taken.step].name, taken))
                visit(taken, changed);
        };
        system_.for_each_next<const Visit&>(state, changing);
    }
    std::span<const checker::StepInfo> steps() const { return system_.steps(); }
    std::string params(checker::Taken taken) const { return system_.params(taken); }
    std::vector<checker::Field> fields(const State& state) const { return system_.fields(state); }
    std::span<const checker::Property<State>> properties() const { return system_.properties(); }

  private:
    KernelSystem system_;
    Mutate mutate_;
};

inline const KernelScenario& kernel_scenario(const std::string& name) {
    const auto& table = kernel_scenario_table();
    const auto found = std::ranges::find(table, name, &KernelScenario::name);
    ZCV_CHECK(found != table.end());
    return *found;
}

// The world of a scenario as it is explored.
inline World world_of(const KernelScenario& row) {
    World world = row.world;
    world.profile = *find_profile(row.profile);
    world.app = row.app;
    return world;
}

}  // namespace zcv::test
