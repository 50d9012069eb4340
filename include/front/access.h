/* What a request leaves behind when it has ended: its counters and its access line (contract 8, 9).
 */
#ifndef FRONT_ACCESS_H
#define FRONT_ACCESS_H

#include "exchange/request.h"

/* Room for what access_path writes. */
#define ACCESS_PATH 512

/* What a log line may hold of its path, as [log] postcodes allows; without its query. */
void access_path(const struct request *request, char out[ACCESS_PATH]);

/* Once, when it has ended. */
void access_account(const struct request *request);

#endif
