/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over the files of a directory, without libFuzzer: how the normal tests use the corpora. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) {
        return size;
}

static int run_file(const char *path) {
        FILE *f = fopen(path, "re");
        uint8_t *data = malloc(16u << 20);
        if (!f || !data) {
                perror(path);
                exit(1);
        }
        size_t n = fread(data, 1, 16u << 20, f);
        uint8_t *exact = malloc(n + !n); /* so that a sanitizer sees a read past the end */
        memcpy(exact, data, n);
        free(data);
        fclose(f);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
        return 1;
}

int main(int argc, char **argv) {
        int n = 0;
        for (int i = 1; i < argc; i++) {
                DIR *dir = opendir(argv[i]);
                struct dirent *de;
                char path[4096];
                if (!dir) {
                        perror(argv[i]);
                        return 1;
                }
                while ((de = readdir(dir))) {
                        snprintf(path, sizeof(path), "%s/%s", argv[i], de->d_name);
                        n += de->d_name[0] != '.' ? run_file(path) : 0;
                }
                closedir(dir);
        }
        printf("%d inputs\n", n);
        return n == 0;
}
