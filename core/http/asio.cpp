// Asio and Beast are compiled here and nowhere else; see sentinel_boost in cmake/Dependencies.cmake.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
