/*
 * Runs a fuzz target over files and directories of files given as arguments: what libFuzzer does
 * with -runs=0, for compilers that lack it. Fails where there was nothing to run.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat st;
    if (file == NULL || fstat(fileno(file), &st) != 0) {
        perror(path);
        return -1;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size + 1);
    size_t got = data == NULL ? 0 : fread(data, 1, size, file);
    fclose(file);
    if (data == NULL || got != size) {
        fprintf(stderr, "%s: cannot read it whole\n", path);
        free(data);
        return -1;
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int run_directory(const char *path, size_t *count) {
    struct dirent **names = NULL;
    int total = scandir(path, &names, NULL, alphasort);
    int failed = total < 0 ? -1 : 0;
    for (int i = 0; i < total; i++) {
        char file[4096];
        if (names[i]->d_name[0] != '.') {
            snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
            failed |= run_file(file);
            *count += 1;
        }
        free(names[i]);
    }
    free(names);
    return failed;
}

int main(int argc, char **argv) {
    size_t count = 0;
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) != 0) {
            perror(argv[i]);
            return 1;
        }
        if (S_ISDIR(st.st_mode)) {
            failed |= run_directory(argv[i], &count);
        } else {
            failed |= run_file(argv[i]);
            count += 1;
        }
    }
    printf("%zu inputs\n", count);
    return failed != 0 || count == 0;
}
