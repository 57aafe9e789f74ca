# Two packages: zcv, which runs, and libzcv-dev, to build on. Neither has maintainer scripts: no
# capability is set, nothing is started.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME zcv)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(ZCV_MAINTAINER "The zcv authors <zcv@localhost.localdomain>"
    CACHE STRING "Who answers for the Debian packages: name and address")
set(CPACK_PACKAGE_CONTACT "${ZCV_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_ZCV_STRIP ${CMAKE_STRIP})
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/strip_libraries.cmake)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
    GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_ZCV_PACKAGE_NAME zcv)
set(CPACK_DEBIAN_ZCV_PACKAGE_SECTION net)
set(CPACK_DEBIAN_ZCV_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_ZCV_PACKAGE_RECOMMENDS "gnuplot-nox, graphviz, fonts-dejavu-core, iproute2")
set(CPACK_DEBIAN_ZCV_PACKAGE_SUGGESTS "qemu-system-x86, xdg-utils")
string(JOIN "\n" CPACK_COMPONENT_ZCV_DESCRIPTION
    "Checks whether a buffer that was given to the kernel by SEND_ZC or"
    "MSG_ZEROCOPY can be reused before the kernel has let go of it: by exploring"
    "a model of the kernel, and by replaying what a running kernel was seen to"
    "do.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libzcv-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libboost-graph-dev, libcli11-dev, libfmt-dev, \
libxxhash-dev, libzstd-dev, nlohmann-json3-dev, pkg-config | pkgconf")
string(JOIN "\n" CPACK_COMPONENT_DEV_DESCRIPTION
    "The model of the kernel's zero-copy sends with its checker, and the reading"
    "and replaying of traces, as static libraries for programs of your own.")

# What Debian's policy wants beside the files.
foreach(part zcv dev)
    set(package ${CPACK_DEBIAN_ZCV_PACKAGE_NAME})
    if(part STREQUAL dev)
        set(package libzcv-dev)
    endif()
    install(FILES debian/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
        COMPONENT ${part})
    add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${package}/changelog.Debian.gz
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/${package}
        COMMAND gzip -9nc ${CMAKE_CURRENT_SOURCE_DIR}/debian/changelog
            > ${CMAKE_CURRENT_BINARY_DIR}/${package}/changelog.Debian.gz
        DEPENDS debian/changelog VERBATIM)
    add_custom_target(${package}_changelog ALL
        DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${package}/changelog.Debian.gz)
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${package}/changelog.Debian.gz
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${part})
endforeach()
install(FILES debian/zcv.lintian-overrides RENAME zcv COMPONENT zcv
    DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides)

set(CPACK_COMPONENTS_ALL zcv dev)
include(CPack)
