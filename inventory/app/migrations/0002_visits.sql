-- How often the page was shown, by day (UTC).
CREATE TABLE IF NOT EXISTS visits (
  day DATE NOT NULL PRIMARY KEY,
  views BIGINT UNSIGNED NOT NULL
);
