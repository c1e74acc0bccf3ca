#pragma once

#include "common/base/error.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

// Owning handles for OpenSSL's objects; for the sources of this folder only.
namespace sluice::crypto {

template <auto Free>
struct OpensslFree {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

template <class T, auto Free>
using OpensslHandle = std::unique_ptr<T, OpensslFree<Free>>;

using BioHandle = OpensslHandle<BIO, BIO_free_all>;
using BignumHandle = OpensslHandle<BIGNUM, BN_free>;
using KeyHandle = OpensslHandle<EVP_PKEY, EVP_PKEY_free>;
using DigestHandle = OpensslHandle<EVP_MD_CTX, EVP_MD_CTX_free>;
using X509Handle = OpensslHandle<X509, X509_free>;
using ExtensionHandle = OpensslHandle<X509_EXTENSION, X509_EXTENSION_free>;
using GeneralNamesHandle = OpensslHandle<GENERAL_NAMES, GENERAL_NAMES_free>;

// "detail: reason", with the oldest entry of this thread's OpenSSL queue, which is emptied.
Error openssl_error(ErrorKind kind, const std::string& detail);

// A BIO that reads the text, which must outlive it.
BioHandle memory_bio(std::string_view text);
// An empty BIO to write into, and what was written.
BioHandle memory_bio();
std::string written_text(BIO* bio);

}  // namespace sluice::crypto
