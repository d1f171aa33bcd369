# Every library that Sentinel borrows, found in one place.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Debian's plain libboost-dev is 1.74, whose Asio and JSON are too old. All parts used here are headers alone.
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
pkg_check_modules(CRYPT REQUIRED IMPORTED_TARGET libcrypt)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf>=1.1)

# yaml-cpp 0.7 exports a plain name, 0.8 a namespaced one.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

add_library(sentinel_boost INTERFACE)
target_link_libraries(sentinel_boost INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(sentinel_boost INTERFACE
  BOOST_DLL_USE_STD_FS            # drops boost_filesystem
  BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_SEPARATE_COMPILATION # one translation unit pays for Asio, core/http/asio.cpp
  BOOST_BEAST_SEPARATE_COMPILATION)
