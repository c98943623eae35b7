<?php
// WordPress, as foobar-stack runs it: what differs from server to server is in the environment.
define('DB_NAME', getenv('DATABASE_NAME'));
define('DB_USER', getenv('DATABASE_USER'));
// The account is known by the socket, and has no password.
define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:' . getenv('DATABASE_SOCKET'));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');

// Another secret logs everybody out.
foreach (array('AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY',
	'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT') as $name) {
	define($name, hash_hmac('sha256', $name, getenv('SECRET_KEY')));
}

// Plugins, themes and WordPress itself are part of the code, which is deployed and read-only.
define('DISALLOW_FILE_MODS', true);

$table_prefix = 'wp_';

if (!defined('ABSPATH')) {
	define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
