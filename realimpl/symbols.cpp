#include "realimpl/symbols.hpp"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>

#include <cstdlib>

namespace zcv {
namespace {

std::string demangled(const char* name) {
    int status = 0;
    char* const readable = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string text = status == 0 ? readable : name;
    std::free(readable);
    return text;
}

// The address that the linker gave to a place in the file; 0 when it is not part of a segment.
GElf_Addr address_of(Elf* elf, std::uint64_t offset) {
    std::size_t count = 0;
    if (elf == nullptr || elf_getphdrnum(elf, &count) != 0) return 0;
    for (std::size_t i = 0; i < count; ++i) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) continue;
        if (header.p_type == PT_LOAD && offset >= header.p_offset &&
            offset < header.p_offset + header.p_filesz)
            return offset - header.p_offset + header.p_vaddr;
    }
    return 0;
}

}  // namespace

struct Symbols::Module {
    explicit Module(const std::string& path) {
        callbacks.find_elf = dwfl_build_id_find_elf;
        callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
        callbacks.section_address = dwfl_offline_section_address;
        callbacks.debuginfo_path = &debuginfo_path;
        dwfl = dwfl_begin(&callbacks);
        if (dwfl == nullptr) return;
        dwfl_report_begin(dwfl);
        module = dwfl_report_offline(dwfl, path.c_str(), path.c_str(), -1);
        dwfl_report_end(dwfl, nullptr, nullptr);
    }
    ~Module() {
        if (dwfl != nullptr) dwfl_end(dwfl);
    }
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    Dwfl_Callbacks callbacks{};
    char* debuginfo_path = nullptr;
    Dwfl* dwfl = nullptr;
    Dwfl_Module* module = nullptr;
};

Symbols::Symbols() = default;
Symbols::~Symbols() = default;

void Symbols::name(Stack& stack) {
    for (StackFrame& frame : stack.frames) name(frame);
}

void Symbols::name(StackFrame& frame) {
    if (frame.module.empty()) return;
    std::unique_ptr<Module>& file = modules_[frame.module];
    if (!file) file = std::make_unique<Module>(frame.module);
    if (file->module == nullptr) return;
    GElf_Addr bias = 0;
    // Both a trap and a call have left the instruction behind: the one before is meant.
    const GElf_Addr linked = address_of(dwfl_module_getelf(file->module, &bias), frame.offset - 1);
    if (linked == 0) return;
    if (const char* name = dwfl_module_addrname(file->module, linked + bias))
        frame.function = demangled(name);
    Dwfl_Line* const line = dwfl_module_getsrc(file->module, linked + bias);
    int number = 0;
    const char* const source =
        line == nullptr ? nullptr
                        : dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
    if (source == nullptr) return;
    frame.file = source;
    frame.line = static_cast<std::uint32_t>(number);
}

}  // namespace zcv
