#include "common/crypto/certificates.hpp"

#include "common/base/secret.hpp"
#include "common/crypto/key_file.hpp"
#include "common/crypto/openssl_support.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace sluice::crypto {

namespace {

constexpr long day_seconds = 86'400;
constexpr long authority_days = 3'650;
constexpr long server_days = 397;  // what browsers accept at most
constexpr long clock_skew_seconds = 3'600;
constexpr int serial_bits = 127;
constexpr std::size_t common_name_max = 64;  // RFC 5280, ub-common-name

KeyHandle make_p256_key() { return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }

bool set_random_serial(X509* certificate) {
    const BignumHandle number(BN_new());
    return number && BN_rand(number.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_common_name(X509_NAME* subject, const std::string& name) {
    const std::string bounded = name.substr(0, common_name_max);
    return X509_NAME_add_entry_by_txt(subject,
                                      "CN",
                                      MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(bounded.data()),
                                      static_cast<int>(bounded.size()),
                                      -1,
                                      0) == 1;
}

// Version, serial, validity, subject and key; no issuer, no extensions, not signed.
X509Handle start_certificate(EVP_PKEY* key, const std::string& name, long days) {
    X509Handle certificate(X509_new());
    X509* raw = certificate.get();
    const bool done =
        raw != nullptr && X509_set_version(raw, X509_VERSION_3) == 1 && set_random_serial(raw) &&
        X509_gmtime_adj(X509_getm_notBefore(raw), -clock_skew_seconds) != nullptr &&
        X509_gmtime_adj(X509_getm_notAfter(raw), days * day_seconds) != nullptr &&
        set_common_name(X509_get_subject_name(raw), name) && X509_set_pubkey(raw, key) == 1;
    return done ? std::move(certificate) : nullptr;
}

// `value` is OpenSSL's configuration syntax: for constants only, never for text from outside.
bool add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
    X509V3_CTX context{};
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const ExtensionHandle extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

GENERAL_NAME* make_general_name(const std::string& name) {
    GENERAL_NAME* entry = GENERAL_NAME_new();
    if (entry == nullptr) return nullptr;
    if (ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str())) {
        GENERAL_NAME_set0_value(entry, GEN_IPADD, address);
        return entry;
    }
    ASN1_IA5STRING* dns = ASN1_IA5STRING_new();
    ASN1_STRING_set(dns, name.data(), static_cast<int>(name.size()));
    GENERAL_NAME_set0_value(entry, GEN_DNS, dns);
    return entry;
}

bool add_subject_names(X509* certificate, const std::vector<std::string>& names) {
    const GeneralNamesHandle list(sk_GENERAL_NAME_new_null());
    for (const std::string& name : names) {
        GENERAL_NAME* entry = make_general_name(name);
        if (entry == nullptr) return false;
        if (sk_GENERAL_NAME_push(list.get(), entry) == 0) {
            GENERAL_NAME_free(entry);
            return false;
        }
    }
    return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, 0) == 1;
}

bool complete_authority(X509* certificate, EVP_PKEY* key) {
    return X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
           add_extension(
               certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, certificate, NID_authority_key_identifier, "keyid:always") &&
           X509_sign(certificate, key, EVP_sha256()) != 0;
}

bool complete_server(X509* certificate,
                     X509* issuer,
                     EVP_PKEY* issuer_key,
                     const std::vector<std::string>& names) {
    return X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
           add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
           add_subject_names(certificate, names) &&
           X509_sign(certificate, issuer_key, EVP_sha256()) != 0;
}

Result<void> write_pair(const CertificateFiles& files, X509* certificate, EVP_PKEY* key) {
    const BioHandle certificate_bio = memory_bio();
    const BioHandle key_bio = memory_bio();
    const bool done = PEM_write_bio_X509(certificate_bio.get(), certificate) == 1 &&
                      PEM_write_bio_PKCS8PrivateKey(
                          key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
    if (!done) return openssl_error(ErrorKind::internal, "cannot encode a certificate");
    const Secret key_text(written_text(key_bio.get()));
    auto written = write_key_file(files.key, key_text.reveal(), FileAccess::owner);
    if (!written) return written;
    return write_key_file(
        files.certificate, written_text(certificate_bio.get()), FileAccess::everybody);
}

struct Authority {
    X509Handle certificate;
    KeyHandle key;
};

Result<Authority> load_authority(const CertificateFiles& files) {
    const auto certificate_text = read_key_file(files.certificate);
    if (!certificate_text) return certificate_text.error();
    const auto key_text = read_key_file(files.key);
    if (!key_text) return key_text.error();
    const BioHandle certificate_bio = memory_bio(certificate_text->reveal());
    const BioHandle key_bio = memory_bio(key_text->reveal());
    Authority authority;
    authority.certificate.reset(
        PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
    if (!authority.certificate) {
        return openssl_error(ErrorKind::storage,
                             files.certificate.string() + ": no certificate in PEM");
    }
    authority.key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
    if (!authority.key) {
        return openssl_error(ErrorKind::storage, files.key.string() + ": no private key in PEM");
    }
    if (X509_check_private_key(authority.certificate.get(), authority.key.get()) != 1) {
        return openssl_error(ErrorKind::storage,
                             files.key.string() + ": not the key of " + files.certificate.string());
    }
    return authority;
}

}  // namespace

Result<void> make_authority(const CertificateFiles& files, const std::string& name) {
    const KeyHandle key = make_p256_key();
    const X509Handle certificate =
        key ? start_certificate(key.get(), name, authority_days) : nullptr;
    if (!certificate || !complete_authority(certificate.get(), key.get())) {
        return openssl_error(ErrorKind::internal, "cannot make a certificate authority");
    }
    return write_pair(files, certificate.get(), key.get());
}

Result<void> make_server_certificate(const CertificateFiles& authority,
                                     const CertificateFiles& files,
                                     const std::vector<std::string>& names) {
    if (names.empty()) return Error(ErrorKind::internal, "a server certificate needs a name");
    auto issuer = load_authority(authority);
    if (!issuer) return std::move(issuer).error();
    const KeyHandle key = make_p256_key();
    const X509Handle certificate =
        key ? start_certificate(key.get(), names.front(), server_days) : nullptr;
    if (!certificate ||
        !complete_server(certificate.get(), issuer->certificate.get(), issuer->key.get(), names)) {
        return openssl_error(ErrorKind::internal, "cannot make a server certificate");
    }
    return write_pair(files, certificate.get(), key.get());
}

}  // namespace sluice::crypto
