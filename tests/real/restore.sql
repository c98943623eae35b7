-- What is hard to bring back, in the database of the app.
CREATE USER IF NOT EXISTS 'somebody'@'localhost';
GRANT ALL ON foobar.* TO 'somebody'@'localhost';
USE foobar;
CREATE TABLE author (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(99) NOT NULL, boss BIGINT,
  full_name VARCHAR(120) GENERATED ALWAYS AS (CONCAT(name, ' ☃')) STORED,
  short VARCHAR(9) GENERATED ALWAYS AS (LEFT(name, 3)) VIRTUAL,
  FOREIGN KEY (boss) REFERENCES author (id));
CREATE TABLE book (id BIGINT PRIMARY KEY AUTO_INCREMENT, author BIGINT NOT NULL, title VARCHAR(200),
  raw BLOB, seen TIMESTAMP(6) NULL, price DOUBLE, bits BIT(9), tags JSON, KEY (title),
  CONSTRAINT by_author FOREIGN KEY (author) REFERENCES author (id) ON DELETE CASCADE);
CREATE TABLE day (day DATE NOT NULL, text TEXT) PARTITION BY RANGE (YEAR(day))
  (PARTITION a VALUES LESS THAN (2025), PARTITION b VALUES LESS THAN MAXVALUE);
CREATE TABLE nothing (id INT PRIMARY KEY);
CREATE TABLE `od``d name-ü` (`sel ect` INT, UNIQUE KEY (`sel ect`));
CREATE TABLE counted (n INT);
CREATE FUNCTION twice(a INT) RETURNS INT DETERMINISTIC RETURN 2 * a;
DELIMITER //
CREATE PROCEDURE tidy() BEGIN
-- a comment
DELETE FROM nothing; END//
CREATE TRIGGER book_count AFTER INSERT ON book FOR EACH ROW BEGIN INSERT INTO counted VALUES (NEW.id); END//
CREATE DEFINER='somebody'@'localhost' TRIGGER book_title BEFORE INSERT ON book FOR EACH ROW
  SET NEW.title = CONCAT(NEW.title, ' 🎉')//
DELIMITER ;
CREATE DEFINER='somebody'@'localhost' EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00'
  COMMENT 'it''s' DO DELETE FROM foobar.counted WHERE n < 0;
CREATE DEFINER='somebody'@'localhost' VIEW z_base AS SELECT id, twice(id) AS double_id, title FROM book;
CREATE VIEW a_view AS SELECT z.id, z.title, a.name
  FROM z_base z JOIN book b ON b.id = z.id JOIN author a ON a.id = b.author;
INSERT INTO author (name, boss) VALUES ('Ann', NULL), ('Bob ''q'' \\', 1), ('Zoë 😀\n2', 1);
INSERT INTO book (author, title, raw, seen, price, bits, tags) VALUES
  (1, 'one', 0x00ff270a5c, '2026-03-29 01:30:00.123456', 0.1, b'101', '{"a": [1, 2.5, "é"]}'),
  (2, 'two', NULL, NULL, 1e300, NULL, NULL);
INSERT INTO day VALUES ('2024-05-05', 'old'), ('2026-05-05', 'new 🎈');
INSERT INTO `od``d name-ü` VALUES (3), (1), (2), (NULL);
