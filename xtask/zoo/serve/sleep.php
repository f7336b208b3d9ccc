<?php sleep(3000);
