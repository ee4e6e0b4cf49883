#include "node/daemon/receipt.h"

#include "base/io.h"
#include "store/store_receipt.h"
#include "store/store_source.h"

#include <errno.h>
#include <sys/mman.h>

static int write_piece(void *context, const void *bytes, size_t length, struct fail *fail) {
    const int *fd = context;
    int error = io_write_full(*fd, bytes, length);
    return error < 0 ? fail_set(fail, error, "cannot read what is kept of a transfer") : 0;
}

static int read_receipt(struct receipt *receipt, struct store *store, struct fail *fail) {
    receipt->fd = memfd_create("receipt", MFD_CLOEXEC);
    if (receipt->fd < 0)
        return fail_set(fail, -errno, "cannot read what is kept of a transfer");
    int result = store_receipt_read(store, receipt->record.number, write_piece, &receipt->fd, fail);
    return result == STORE_NONE ? RECEIPT_GONE : result;
}

int receipt_load(struct receipt *receipt, struct store *store, uint64_t number, struct fail *fail) {
    *receipt = (struct receipt){.fd = -1};
    int result = store_transfer_get(store, number, &receipt->record, fail);
    if (result != 0)
        return result < 0 ? result : RECEIPT_NO_TRANSFER;
    if (receipt->record.state != STORE_DELIVERED)
        return RECEIPT_NOT_DELIVERED;
    result = read_receipt(receipt, store, fail);
    return result == 0 ? store_source_load(store, number, &receipt->paths, fail) : result;
}

void receipt_clear(struct receipt *receipt) {
    io_close(&receipt->fd);
    store_names_clear(&receipt->paths);
    store_transfer_clear(&receipt->record);
    receipt->fd = -1;
}
