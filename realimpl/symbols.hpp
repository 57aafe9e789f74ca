#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "traces/zct.hpp"

namespace zcv {

// Function, file and line of the frames of a stack, from the symbols and line tables of the files
// that were mapped. What a file does not tell stays empty.
class Symbols {
  public:
    Symbols();
    ~Symbols();
    Symbols(const Symbols&) = delete;
    Symbols& operator=(const Symbols&) = delete;

    void name(Stack& stack);

  private:
    struct Module;
    void name(StackFrame frame, bool innermost, std::vector<StackFrame>& named);
    std::map<std::string, std::unique_ptr<Module>> modules_;  // by path
};

}  // namespace zcv
