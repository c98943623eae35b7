<?php // the sample
