# The observer and zcv-capture, or the reason why not in ZCV_OBSERVER_MISSING. What it reads of the
# kernel is written out in observer_kernel.h, so the machine that builds needs no BTF of its own.
find_program(ZCV_CLANG NAMES clang clang-19 clang-16 clang-15 clang-14)
find_program(ZCV_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin)
pkg_check_modules(LIBBPF IMPORTED_TARGET libbpf>=1.0)

set(ZCV_OBSERVER_MISSING "")
if(NOT ZCV_CLANG)
    set(ZCV_OBSERVER_MISSING "clang was not found: install clang")
elseif(NOT ZCV_BPFTOOL)
    set(ZCV_OBSERVER_MISSING "bpftool was not found: install bpftool")
elseif(NOT LIBBPF_FOUND)
    set(ZCV_OBSERVER_MISSING "libbpf 1.0 or later was not found: install libbpf-dev")
endif()

if(ZCV_OBSERVER_MISSING)
    message(STATUS "zcv-capture is not built: ${ZCV_OBSERVER_MISSING}")
else()
    set(skeleton_dir ${CMAKE_CURRENT_BINARY_DIR}/skeleton)
    # What bpf_tracing.h calls it; others get no records of system calls.
    set(bpf_arch none)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        set(bpf_arch x86)
    elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
        set(bpf_arch arm64)
    endif()
    # Debian keeps the asm/ headers under a directory that -target bpf does not search.
    set(arch_include "")
    if(CMAKE_LIBRARY_ARCHITECTURE)
        set(arch_include -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
    endif()
    foreach(source observer.bpf.c probes.bpf.c)
        string(REPLACE ".bpf.c" "" program ${source})
        set(object ${CMAKE_CURRENT_BINARY_DIR}/${program}.bpf.o)
        add_custom_command(OUTPUT ${object}
            COMMAND ${ZCV_CLANG} -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter
                -D__TARGET_ARCH_${bpf_arch} $<$<BOOL:${ZCV_WERROR}>:-Werror>
                -I${PROJECT_SOURCE_DIR} -I${CMAKE_CURRENT_SOURCE_DIR} ${arch_include}
                -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
            DEPENDS ${source} observer_allocator.h observer_calls.h observer_hash.h
                observer_kernel.h observer_memory.h observer_pages.h observer_read.h
                observer_refs.h observer_ring.h observer_shared.h observer_stacks.h
                observer_state.h observer_table.h
                ${PROJECT_SOURCE_DIR}/traces/zcv_event.h
            COMMENT "Compiling the BPF programs of ${program}" VERBATIM)
        add_custom_command(OUTPUT ${skeleton_dir}/${program}.skel.h
            COMMAND ${CMAKE_COMMAND} -E make_directory ${skeleton_dir}
            COMMAND sh -c "\"$0\" gen skeleton \"$1\" name \"$2\" > \"$3\"" ${ZCV_BPFTOOL}
                ${object} zcv_${program} ${skeleton_dir}/${program}.skel.h
            DEPENDS ${object} COMMENT "Generating the skeleton of ${program}" VERBATIM)
    endforeach()

    add_executable(zcv-capture capture_main.cpp capture_allocators.cpp
        capture_kernel_stacks.cpp capture_libbpf.cpp capture_observer.cpp capture_probes.cpp
        capture_rings.cpp page_tracking.cpp raw_stacks.cpp write_watch.cpp
        ${skeleton_dir}/observer.skel.h ${skeleton_dir}/probes.skel.h)
    target_include_directories(zcv-capture SYSTEM PRIVATE ${skeleton_dir})
    target_link_libraries(zcv-capture PRIVATE zcv_options PkgConfig::LIBBPF fmt::fmt)
    set_target_properties(zcv-capture PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endif()
