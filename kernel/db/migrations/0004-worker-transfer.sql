-- oldest program: 1
-- Bytes that a worker moved over the network since it started, as it told last: any kernel shows them.
ALTER TABLE workers ADD COLUMN bytes_in bigint;
ALTER TABLE workers ADD COLUMN bytes_out bigint;
