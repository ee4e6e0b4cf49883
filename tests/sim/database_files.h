/* SQLite's files on the simulated disk. */
#ifndef TESTS_SIM_DATABASE_FILES_H
#define TESTS_SIM_DATABASE_FILES_H

/* Once: makes it what SQLite uses when nothing else is asked for. */
void database_files_init(void);

#endif
