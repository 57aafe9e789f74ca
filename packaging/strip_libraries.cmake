# Run by cpack on what it has staged. It strips programs by itself, and leaves static libraries as
# they are: those built with -g are fifty times what is needed to link them.
file(GLOB_RECURSE libraries ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*.a)
foreach(library ${libraries})
    execute_process(COMMAND ${CPACK_ZCV_STRIP} --strip-debug --enable-deterministic-archives
        ${library} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
