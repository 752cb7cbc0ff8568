# What Debian gives us (docs/decisions tells why each is there), as imported targets.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CURL REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS json)
find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(HIREDIS REQUIRED hiredis)  # by name: its flags would not fit the precompiled header
pkg_check_modules(URING REQUIRED IMPORTED_TARGET liburing)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
# By name, as hiredis: what it wants defined stands beside the one file that includes it (src/CMakeLists.txt).
find_library(DATE_TZ_LIBRARY date-tz REQUIRED)
