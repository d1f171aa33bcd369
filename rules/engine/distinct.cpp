#include "rules/engine/distinct.hpp"

#include <algorithm>

namespace sentinel::rules {
namespace {

constexpr std::size_t first_slots = 16;

}  // namespace

std::uint64_t hash_text(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a …
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;  // … and MurmurHash3's finalizer, for the high bits
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33;
  return hash == 0 ? 1 : hash;
}

void Distinct::insert(std::uint64_t hash) {
  for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at] == hash) return;
    if (slots_[at] != 0) continue;
    slots_[at] = hash;
    ++exact_;
    return;
  }
}

void Distinct::add(std::uint64_t hash) {
  if (estimate_) {
    estimate_->add(hash);
    return;
  }
  if (2 * (exact_ + 1) > slots_.size()) {
    std::vector<std::uint64_t> old(std::max(first_slots, 2 * slots_.size()));
    old.swap(slots_);
    exact_ = 0;
    for (const auto one : old) {
      if (one != 0) insert(one);
    }
  }
  insert(hash);
  if (exact_ <= most_exact) return;
  estimate_ = std::make_unique<HyperLogLog>();
  for (const auto one : slots_) {
    if (one != 0) estimate_->add(one);
  }
  std::fill(slots_.begin(), slots_.end(), 0U);
  exact_ = 0;
}

void Distinct::merge(const Distinct& other) {
  if (other.estimate_) {
    if (!estimate_) {
      estimate_ = std::make_unique<HyperLogLog>();
      for (const auto one : slots_) {
        if (one != 0) estimate_->add(one);
      }
      std::fill(slots_.begin(), slots_.end(), 0U);
      exact_ = 0;
    }
    estimate_->merge(*other.estimate_);
    return;
  }
  for (const auto one : other.slots_) {
    if (one != 0) add(one);
  }
}

void Distinct::clear() {
  if (exact_ > 0) std::fill(slots_.begin(), slots_.end(), 0U);
  exact_ = 0;
  estimate_.reset();
}

double Distinct::count() const {
  return estimate_ ? estimate_->estimate() : static_cast<double>(exact_);
}

}  // namespace sentinel::rules
