#pragma once

#include "model/fixed_store.hpp"

// Buffers, requests, ubufs, shared infos and skbs are interchangeable: no step asks for one by its
// number, and a new one may as well be any that is free. Sockets, rings and slots keep their names,
// for a world configures each; so do requests where they are dealt out over several rings, slots or
// calls.
namespace zcv {

// Renames the objects of a state so that states which differ in names only become equal. The names
// follow from what the objects are: their fields, what they refer to and what refers to them,
// looked at until nothing more tells them apart. Of objects that still look alike one is singled
// out and the rest is looked at again. Whatever comes out is the same state under other names; that
// it is the same for all of an orbit is what the tests count.
void make_canonical(const World& world, FixedStore& state);

}  // namespace zcv
