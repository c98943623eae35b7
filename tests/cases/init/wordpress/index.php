<?php // WordPress
